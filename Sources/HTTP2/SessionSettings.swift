/// What one side of a connection announces and how much of its peer it bears.
///
/// The defaults suit gRPC on a trusted or an open network alike; every limit has a reason in its
/// comment.
public struct SessionSettings: Sendable, Equatable {
  /// SETTINGS_MAX_CONCURRENT_STREAMS: streams that the peer may have open at once. A server's
  /// matter; a client announces 0 pushed streams anyway.
  public var maxConcurrentStreams: UInt32 = 1_000

  /// SETTINGS_INITIAL_WINDOW_SIZE in bytes, 1 to 2^31 - 1: what the peer may send on a stream
  /// before it was consumed. The RFC's 65,535 cost twice the CPU under load.
  public var initialWindowSize: UInt32 = 1 << 20

  /// The window of the whole connection in bytes, 65,535 to 2^31 - 1.
  public var connectionWindowSize: UInt32 = 16 << 20

  /// What is taken and kept of the peer's header lists.
  public var headers = HeaderLimits()

  /// The bounds against floods.
  public var floods = FloodLimits()

  /// The defaults.
  public init() {}
}

/// Bounds for what a peer may do without doing anything useful.
///
/// Each is far above what a correct peer does and far below what hurts.
public struct FloodLimits: Sendable, Equatable {
  /// Rapid reset (CVE-2023-44487) and resets that a peer provokes from us (CVE-2025-8671): how many
  /// at once, and how many a second after that.
  public var resets = Rate(burst: 1_000, perSecond: 33)

  /// Resets that a correct client has a reason for: of streams whose time is all but over, when
  /// many deadlines pass together; and of streams that this side refused, but not to a peer that
  /// has used up half of ``resets``. They do not end a connection, but above this rate it is not
  /// read for a while (`Session.pauseEnd`). A stream for which work was begun counts as five. So
  /// whoever gives a millisecond to each of its streams and resets them costs no more than one that
  /// makes ordinary calls.
  public var excusedResets = Rate(burst: 5_000, perSecond: 5_000)

  /// Frames that carry nothing: empty DATA, PRIORITY, PING, WINDOW_UPDATE, unknown types and the
  /// like (CVE-2019-9511 to 9518). Calls and useful bytes refill this budget.
  public var uselessFrames = Rate(burst: 1_000, perSecond: 100)

  /// SETTINGS frames: each walks all streams (CVE-2019-9515). 10 a minute.
  public var settings = Rate(burst: 10, perSecond: 10.0 / 60)

  /// Acknowledgements that wait to be sent (CVE-2019-9512).
  public var maxQueuedAcknowledgements = 100

  /// CONTINUATION frames of one header block. Those of less than 1 KiB are frames without any use
  /// (CVE-2024-28182).
  public var maxContinuations = 1_024

  /// Entries of one SETTINGS frame.
  public var maxSettingsEntries = 32

  /// Frames that wait to be sent; above it `Session.isOutputCongested`, and the caller stops
  /// reading.
  public var maxQueuedFrames = 1_000

  /// The defaults.
  public init() {}
}

/// A token bucket's two numbers.
public struct Rate: Sendable, Equatable {
  /// How many may come at once.
  public var burst: Double
  /// How many more a second.
  public var perSecond: Double

  /// A bucket that holds `burst` and gains `perSecond`.
  public init(burst: Double, perSecond: Double) {
    self.burst = burst
    self.perSecond = perSecond
  }
}
