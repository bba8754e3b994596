import Synchronization

/// What a server holds and has refused, as plain numbers for whoever shows them.
public struct ServerStatistics: Sendable, Hashable {
  /// Connections that are open.
  public var connections = 0
  /// The most connections that one IP address has.
  public var connectionsOfBusiestPeer = 0
  /// The limit of `connections`.
  public var maxConnections = 0
  /// The limit of `connectionsOfBusiestPeer`.
  public var maxConnectionsPerPeer = 0
  /// Connections that were closed at once since there were too many in all.
  public var connectionsRefused = 0
  /// Connections that were closed at once since their address had too many.
  public var connectionsRefusedPerPeer = 0
  /// Connections whose handshake is not done.
  public var handshakes = 0
  /// Handshakes that made room for others.
  public var handshakesDropped = 0
  /// Handshakes that were not completed: no certificate that is trusted, no TLS at all.
  public var handshakesFailed = 0
  /// The limit of calls of one connection at once, those included that run on after their client
  /// gave them up.
  public var maxStreams = 0
  /// Calls beyond `maxStreams`, reset with REFUSED_STREAM (RFC 9113 section 8.7). Streams beyond
  /// the announced limit are refused before they are calls, and are not counted.
  public var streamsRefused = 0
  /// Bytes of requests from their first byte to their answer, in the whole server.
  public var requestBytes = 0
  /// The limit of `requestBytes`.
  public var maxRequestBytes = 0
  /// Calls that were refused for `maxRequestBytes`.
  public var requestBytesRefused = 0
  /// The limit of the bytes of unfinished requests on one connection.
  public var maxRequestBytesPerConnection = 0
  /// Calls that were refused for `maxRequestBytesPerConnection`.
  public var requestBytesRefusedPerConnection = 0
  /// Bytes of answers that wait to be read, in the whole server.
  public var unreadBytes = 0
  /// The limit of `unreadBytes`.
  public var maxUnreadBytes = 0
  /// Calls that were refused for `maxUnreadBytes` before they began.
  public var unreadBytesRefused = 0
  /// The limit of the bytes that wait to be read on one connection.
  public var maxUnreadBytesPerConnection = 0
  /// Answers that were dropped since there was no room for them.
  public var responsesDropped = 0
  /// The longest message of a request, as sent and after inflating. Bytes.
  public var maxMessageSize = 0
  /// Messages and header lists over their limits.
  public var messagesRefused = 0
}

/// The counters behind the statistics, for all event loops.
final class ServerCounters: Sendable {
  let connectionsRefused = Atomic<Int>(0)
  let connectionsRefusedPerPeer = Atomic<Int>(0)
  let handshakesDropped = Atomic<Int>(0)
  let handshakesFailed = Atomic<Int>(0)
  let streamsRefused = Atomic<Int>(0)
  let requestBytes = Atomic<Int>(0)
  let requestBytesRefused = Atomic<Int>(0)
  let requestBytesRefusedPerConnection = Atomic<Int>(0)
  let responseBytes = Atomic<Int>(0)
  let responseBytesRefused = Atomic<Int>(0)
  let responsesDropped = Atomic<Int>(0)
  let messagesRefused = Atomic<Int>(0)

  /// Takes bytes from the server's budget for requests, or gives them back; false when it is used
  /// up.
  func holdRequest(_ count: Int, limit: Int) -> Bool {
    if count == 0 { return true }
    let (_, held) = requestBytes.wrappingAdd(count, ordering: .relaxed)
    guard count > 0, held > limit else { return true }
    requestBytes.wrappingSubtract(count, ordering: .relaxed)
    requestBytesRefused.wrappingAdd(1, ordering: .relaxed)
    return false
  }
}
