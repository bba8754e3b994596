public import HTTP2
public import NIOCore

/// How a server behaves, and how much it bears. The defaults are meant for production.
public struct ServerConfiguration: Sendable {
  /// The longest request message in bytes, as sent and after inflating.
  public var maxMessageSize = 16 << 20

  /// Whether responses of 1 KiB and more go gzip-compressed to clients that accept it.
  public var compressResponses = false

  /// HTTP/2: windows, streams per connection, header limit, floods.
  public var http2 = SessionSettings()

  /// Keepalive, age and idleness of connections.
  public var lifetime = ConnectionLifetime.Limits()

  /// Connections at once, over all addresses; nil = what the limit on file descriptors allows, less
  /// 100.
  public var maxConnections: Int?

  /// Connections at once from one IP address. Unix sockets are not counted.
  public var maxConnectionsPerPeer = 1_000

  /// Bytes of requests that one connection may have under way without their calls having begun,
  /// header fields included; above it calls are refused with RESOURCE_EXHAUSTED. More than
  /// `maxMessageSize`.
  public var maxBufferedRequestBytes = 32 << 20

  /// Bytes of requests that the server may hold, from their header fields to their answer, over all
  /// connections; above it calls are refused with RESOURCE_EXHAUSTED. A call may have as much as
  /// leaves free what the others of its connection hold. More than `maxMessageSize`, by what calls
  /// hold that are open beside the longest message: some KiB each, with their header fields.
  public var maxRequestBytes = 512 << 20

  /// Completes a status that the server itself made up, with details for instance. Called on the
  /// connections' loops.
  public var annotate: @Sendable (RPCStatus) -> RPCStatus = { $0 }

  /// Decides on each call of a method that there is, by its header fields alone: of what is refused
  /// no body is read, decompressed or counted. nil = all are admitted. Called on the connections'
  /// loops; must not block.
  public var admit: (@Sendable (CallHead) -> CallAdmission)?

  /// Makes who goes with a call of a method that there is, by its header fields, whether or not it
  /// is admitted then; nil = nobody does. Called on the connections' loops; must not block.
  public var follow: (@Sendable (CallHead) -> (any CallFollower)?)?

  /// Bytes of responses that wait to be sent on one stream before `StreamResponder.send` refuses.
  public var maxBufferedResponseBytes = 64 << 10

  /// Bytes of responses that wait to be sent on one connection before `StreamResponder.send`
  /// refuses; of each answer 16 KiB at most count: one that is not read is in nobody else's way.
  /// Above it, requests wait with being handled, too.
  public var maxBufferedResponseBytesPerConnection = 1 << 20

  /// Bytes of answers that may wait on one connection to be read by its client. Calls begin only
  /// while there is room for the answers that are expected; an answer beyond it is dropped, and its
  /// call ends with UNAVAILABLE. At least twice the longest answer.
  public var maxUnreadBytesPerConnection = 64 << 20

  /// Bytes of answers that may wait to be read over all connections; a connection may hold as much
  /// as all of them leave free. Beyond it calls are refused with RESOURCE_EXHAUSTED before they
  /// begin.
  public var maxUnreadBytes = 512 << 20

  /// The period in which a client has to take 16 KiB of a response that waits for it, or all of a
  /// shorter one, and a twentieth of a longer one; otherwise the response is given up.
  public var stallTimeout = TimeAmount.seconds(60)

  /// The period in which a client has to send 1 KiB of a request that is not complete, whatever its
  /// deadline, and something of one with several messages; otherwise the call ends with
  /// DEADLINE_EXCEEDED. Complete requests may be answered as long as it takes. Also how long a
  /// frame, or a header block, may be under way that is no request's DATA; then the connection
  /// ends. nil = no bound.
  public var unfinishedRequestTimeout: TimeAmount? = .seconds(60)

  /// The defaults.
  public init() {}
}
