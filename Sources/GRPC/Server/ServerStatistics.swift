import Synchronization

/// What a server holds and has refused, as plain numbers for whoever shows them.
public struct ServerStatistics: Sendable, Hashable {
  /// Connections that are open, and the most that one IP address has.
  public var connections = 0
  public var connectionsOfBusiestPeer = 0
  public var maxConnections = 0
  public var maxConnectionsPerPeer = 0
  /// Connections that were closed at once: too many in all, or of one address.
  public var connectionsRefused = 0
  public var connectionsRefusedPerPeer = 0
  /// Calls that were reset with REFUSED_STREAM: too many on one connection, of which some run on
  /// after their client gave them up. Streams beyond the announced limit are refused before they
  /// are calls.
  public var maxStreams = 0
  public var streamsRefused = 0
  /// Bytes of requests from their first byte to their answer, in the whole server.
  public var requestBytes = 0
  public var maxRequestBytes = 0
  public var requestBytesRefused = 0
  /// Calls that were refused for the bytes of unfinished requests on their connection.
  public var maxRequestBytesPerConnection = 0
  public var requestBytesRefusedPerConnection = 0
  /// Bytes of answers that wait to be read, calls that were refused before they began for them, and
  /// answers that were dropped.
  public var unreadBytes = 0
  public var maxUnreadBytes = 0
  public var unreadBytesRefused = 0
  public var maxUnreadBytesPerConnection = 0
  public var responsesDropped = 0
  /// Messages and header lists over the limit.
  public var maxMessageSize = 0
  public var messagesRefused = 0
}

/// The counters behind the statistics, for all event loops.
final class ServerCounters: Sendable {
  let connectionsRefused = Atomic<Int>(0)
  let connectionsRefusedPerPeer = Atomic<Int>(0)
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
