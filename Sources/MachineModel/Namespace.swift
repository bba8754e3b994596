/// A kind of machine: the processor that drives it, and its rules.
public struct Namespace: Sendable, Hashable {
  /// Its name, which machines are addressed by. Never changes.
  public var name: String
  /// Where the processor is, and how much is asked of it at once.
  public var processor: ProcessorOptions
  /// When timeouts and notifications are tried again.
  public var retryPolicy: RetryPolicy
  /// How much may wait in it.
  public var limits: Limits
  /// What an invocation is shown when nobody asked for a range; nil = everything.
  public var defaultHistoryRange: HistoryRange?
  /// Microseconds that an idempotency key is remembered, nil = `defaultIdempotencyRetention`.
  public var idempotencyRetention: Int64?
  /// What is kept of what happens to its machines.
  public var trace: TraceOptions
  /// What is told to those who follow along.
  public var feed: FeedOptions
  /// Grows with each change of the namespace; 0 = not stored yet.
  public var version: Int64
  /// Set while the namespace is paused.
  public var pause: Pause?

  /// 24 hours.
  public static let defaultIdempotencyRetention: Int64 = 24 * 3600 * 1_000_000

  public init(
    name: String, processor: ProcessorOptions, retryPolicy: RetryPolicy = RetryPolicy(),
    limits: Limits = Limits(), defaultHistoryRange: HistoryRange? = nil,
    idempotencyRetention: Int64? = nil, trace: TraceOptions = TraceOptions(),
    feed: FeedOptions = FeedOptions(), version: Int64 = 0, pause: Pause? = nil
  ) {
    self.name = name
    self.processor = processor
    self.retryPolicy = retryPolicy
    self.limits = limits
    self.defaultHistoryRange = defaultHistoryRange
    self.idempotencyRetention = idempotencyRetention
    self.trace = trace
    self.feed = feed
    self.version = version
    self.pause = pause
  }
}

/// Where the processor is and how it may be called.
public struct ProcessorOptions: Sendable, Hashable {
  /// `host:port`, `dns:host:port`, `ipv4:…`, `ipv6:[…]:port` or `unix:path`.
  public var endpoint: String
  /// Microseconds that one invocation may take, nil = `defaultTimeout`.
  public var timeout: Int64?
  /// Invocations at once, 0 = `defaultMaxInFlight`.
  public var maxInFlight: Int32
  /// Connections to each address, 0 = `defaultConnections`.
  public var connections: Int32
  /// nil = no TLS.
  public var tls: ProcessorTLS?

  /// 30 seconds.
  public static let defaultTimeout: Int64 = 30_000_000
  /// Calls of the processor at once, where `maxInFlight` is 0.
  public static let defaultMaxInFlight: Int32 = 1_000
  /// Connections with the processor, where `connections` is 0.
  public static let defaultConnections: Int32 = 2

  public init(
    endpoint: String, timeout: Int64? = nil, maxInFlight: Int32 = 0, connections: Int32 = 0,
    tls: ProcessorTLS? = nil
  ) {
    self.endpoint = endpoint
    self.timeout = timeout
    self.maxInFlight = maxInFlight
    self.connections = connections
    self.tls = tls
  }
}

/// How timeouts and notifications are tried again. A nil field means the documented default.
public struct RetryPolicy: Sendable, Hashable {
  /// Microseconds before the second attempt; default 1 s.
  public var initialInterval: Int64?
  /// Each interval is the last times this; default 2.
  public var multiplier: Double?
  /// Microseconds; a cap of the interval, not an end of the retries; default 30 min.
  public var maxInterval: Int64?
  /// The first counts; 0 = no limit; default 100.
  public var maxAttempts: Int32?
  /// Part of the interval by which it is varied at random, 0…1; default 0.1.
  public var jitter: Double?
  /// gRPC code names or ErrorInfo reasons that fail the machine at once.
  public var nonRetryable: [String]

  /// Microseconds before the second attempt, where `initialInterval` is nil.
  public static let defaultInitialInterval: Int64 = 1_000_000
  /// Growth of the interval, where `multiplier` is nil.
  public static let defaultMultiplier = 2.0
  /// Microseconds, the cap where `maxInterval` is nil.
  public static let defaultMaxInterval: Int64 = 30 * 60 * 1_000_000
  /// Attempts, the first one included, where `maxAttempts` is nil.
  public static let defaultMaxAttempts: Int32 = 100
  /// Part of the interval by which it varies, where `jitter` is nil.
  public static let defaultJitter = 0.1

  public init(
    initialInterval: Int64? = nil, multiplier: Double? = nil, maxInterval: Int64? = nil,
    maxAttempts: Int32? = nil, jitter: Double? = nil, nonRetryable: [String] = []
  ) {
    self.initialInterval = initialInterval
    self.multiplier = multiplier
    self.maxInterval = maxInterval
    self.maxAttempts = maxAttempts
    self.jitter = jitter
    self.nonRetryable = nonRetryable
  }
}

/// Bounds of a namespace. A nil field means the documented default.
public struct Limits: Sendable, Hashable {
  /// Requests that wait on one machine beside the one that runs.
  public var mailbox: Int32?
  /// Steps of the namespace that run at once; more wait, within their deadline.
  public var stepsInFlight: Int32?
  /// Notifications queued on one machine.
  public var notifications: Int32?
  /// Messages of one machine that are not delivered, undeliverable ones included.
  public var messages: Int32?

  /// Requests that may wait on one machine beside the one that runs, where `mailbox` is nil.
  public static let defaultMailbox: Int32 = 1_000
  /// Steps of the namespace at once, where `stepsInFlight` is nil.
  public static let defaultStepsInFlight: Int32 = 10_000
  /// Notifications queued on one machine, where `notifications` is nil.
  public static let defaultNotifications: Int32 = 10_000
  /// Messages of one machine, where `messages` is nil.
  public static let defaultMessages: Int32 = 10_000

  public init(
    mailbox: Int32? = nil, stepsInFlight: Int32? = nil, notifications: Int32? = nil,
    messages: Int32? = nil
  ) {
    self.mailbox = mailbox
    self.stepsInFlight = stepsInFlight
    self.notifications = notifications
    self.messages = messages
  }
}
