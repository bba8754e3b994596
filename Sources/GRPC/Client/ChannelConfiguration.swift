public import NIOCore

/// How a channel behaves. Every default suits an endpoint in the same data centre.
public struct ChannelConfiguration: Sendable {
  /// How many connections to hold at least. They are spread over the addresses of the name; when
  /// there are more addresses, each has one. 1 to 256.
  public var connections = 1
  /// How many calls one connection carries at most; the peer's MAX_CONCURRENT_STREAMS also counts.
  public var maximumStreamsPerConnection = 1_000
  /// How many calls may wait for a connection or a free stream. Beyond it they are refused.
  public var maximumQueuedCalls = 10_000
  /// How long an attempt to connect may take, the peer's SETTINGS included.
  public var connectTimeout = TimeAmount.seconds(20)
  /// How long to wait between failed attempts.
  public var backoff = BackoffPolicy()
  /// How long to go on waiting before another attempt while calls wait for a connection, counted
  /// from the end of the last one; nil = as long as ``backoff`` says.
  public var probeInterval: TimeAmount?
  /// The time between two look-ups of the name while no connection works. Each of the intervals is
  /// counted from the end of the last look-up, and shortened at random by a fifth at most.
  public var minimumResolutionInterval = TimeAmount.seconds(2)
  /// The time between two look-ups while connections to some of the addresses work.
  public var partialResolutionInterval = TimeAmount.seconds(5)
  /// The time between two look-ups while connections to all addresses work.
  public var resolutionInterval = TimeAmount.seconds(30)
  /// When and how PINGs watch over connections.
  public var keepalive = KeepalivePolicy()
  /// How a peer that is frozen is told from one that is slow; nil = by ``keepalive`` alone.
  public var liveness: LivenessPolicy? = LivenessPolicy()
  /// How long a frame, or a header block, of the peer may be under way that is not DATA of an open
  /// call; then the connection is given up. nil = no bound.
  public var unfinishedFrameTimeout: TimeAmount? = .seconds(60)
  /// After how long without a call the connections are closed; nil is never.
  public var idleTimeout: TimeAmount? = .minutes(30)
  /// How long a draining connection may go on with its calls before it is cut.
  public var drainTimeout = TimeAmount.minutes(10)
  /// The longest response message, as sent and after inflating. Bytes.
  public var maximumResponseMessageSize = 16 << 20
  /// How much of a list of response header or trailer fields is kept, counted as RFC 9113 does,
  /// beside the status. What does not fit is left out; up to 1 MiB it does no harm to the call.
  /// Bytes.
  public var maximumHeaderListSize = 16 << 10
  /// How many bytes of answers may be held at once until they are complete, inflating included. A
  /// message that does not fit beside the others waits, with its window closed; one always goes on.
  /// Over all connections no more calls are sent at once than this holds windows of streams, 1,024;
  /// others wait as for a free stream.
  public var maximumResponseBytes = 64 << 20
  /// The flow-control window of one stream: what a peer may send of an answer at once. It is opened
  /// to 1 MiB for a longer message when its memory is granted. Bytes.
  public var streamWindowSize = 64 << 10
  /// The flow-control window of one connection. Bytes.
  public var connectionWindowSize = 16 << 20
  /// Hears of outages of the endpoint, on the channel's event loop; nil = the log does.
  public var outages: (@Sendable (ChannelOutage) -> Void)?
  /// The encoding of large requests. The peer must know it.
  public var requestEncoding = MessageEncoding.identity
  /// The value of `user-agent`.
  public var userAgent = "grpc-swift-nghttp2/1.0"
  /// What secures the connections; nil = they begin with HTTP/2.
  public var security: (any ClientSecurity)?
  /// The value of `:authority`; nil takes the target's.
  public var authority: String?

  /// The defaults.
  public init() {}
}

/// When a client sends PINGs (gRFC A8).
///
/// The default interval is longer than the five minutes below which servers count PINGs as abuse;
/// dead peers are noticed earlier by TCP while there is anything unacknowledged.
public struct KeepalivePolicy: Sendable, Hashable {
  /// How long nothing may arrive before a PING is sent; nil sends none.
  public var interval: TimeAmount?
  /// How long the answer may take before the connection is given up.
  public var timeout: TimeAmount
  /// Whether to send PINGs when no call is open.
  public var withoutCalls: Bool

  /// Creates a policy.
  public init(
    interval: TimeAmount? = .seconds(330), timeout: TimeAmount = .seconds(20),
    withoutCalls: Bool = false
  ) {
    self.interval = interval
    self.timeout = timeout
    self.withoutCalls = withoutCalls
  }
}

/// How a peer is found out that reads and answers nothing while its system still acknowledges TCP:
/// a PING when a call has heard nothing, and the connection is given up when that is not answered.
public struct LivenessPolicy: Sendable, Hashable {
  /// How long nothing may arrive during a call before a PING is sent. A call that is given up
  /// earlier without having heard anything sends it then.
  public var silence: TimeAmount
  /// How long the answer may take.
  public var timeout: TimeAmount
  /// How many PINGs may be sent beyond the first before the peer has answered any call. Servers
  /// commonly tolerate two that come too early (gRFC A8, "Server Enforcement").
  public var sparePings: Int
  /// How far PINGs beyond these are apart: more than the five minutes that servers commonly ask
  /// for.
  public var politeInterval: TimeAmount

  /// Creates a policy.
  public init(
    silence: TimeAmount = .seconds(5), timeout: TimeAmount = .seconds(5), sparePings: Int = 2,
    politeInterval: TimeAmount = .seconds(330)
  ) {
    self.silence = silence
    self.timeout = timeout
    self.sparePings = sparePings
    self.politeInterval = politeInterval
  }
}
