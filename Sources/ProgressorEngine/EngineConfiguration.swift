/// The bounds of an engine (I10): no queue in it is without one.
public struct EngineConfiguration: Sendable, Hashable {
  /// Shards of the database, fixed when it was initialised.
  public var shards: Int32 = 1_024
  /// Which of the node's shards are this engine's: it is granted no others.
  public var part = ShardPart.all
  /// Writer connections of this engine; its shards are dealt out among them in turn.
  public var slots: Int = 2
  /// Requests at once, loads of those that were answered before included; more are refused with
  /// RESOURCE_EXHAUSTED.
  public var maximumRequests = 100_000
  /// Requests at once that wait for a machine to change; they count apart from the others.
  public var maximumWaits = 10_000
  /// Bytes of idle machines kept in memory, about.
  public var residentBytes = 256 << 20
  /// Bytes of the histories and answers of running steps; see ``StepMemory``.
  public var historyBytes = 256 << 20
  /// Bytes of messages on their way to other machines.
  public var messageBytes = 64 << 20
  /// Messages on their way at once.
  public var maximumDeliveries = 512
  /// A history of at most this many bytes is read without waiting for the room of the largest.
  public var smallHistoryBytes = 512 << 10
  /// Bytes of events kept in memory for one machine.
  public var historyWindowBytes = 256 << 10
  /// One event's or aux state's body.
  public var maximumContentBytes = 8 << 20
  /// Everything that one answer of a processor writes.
  public var maximumStepBytes = 15 << 20
  /// Events of one answer.
  public var maximumStepEvents = 50_000
  /// How far ahead a timer may be set. Microseconds: 100 years.
  public var maximumTimerDistance: Int64 = 100 * 366 * 86_400 * 1_000_000
  /// How far ahead timers and retries are held in memory. Microseconds.
  public var lookAhead: Int64 = 60_000_000
  /// The most of them that one look ahead reads, for all namespaces together.
  public var lookAheadPage = 10_000
  /// Whether records say who caused them, for those who follow traces.
  public var namesCauses = false
  /// Seed of the generator for jitter.
  public var seed: UInt64 = 1

  public init() {}

  /// What one of a node's engines has of these bounds, which are the node's: its part of what is
  /// shared by machines, rounded up, and of histories room for the largest one if all have that
  /// together. Writers and timers are each engine's own.
  public func share(of part: ShardPart) -> EngineConfiguration {
    func share(_ bound: Int) -> Int { (bound - 1) / Int(part.cores) + 1 }
    var engine = self
    engine.part = part
    engine.maximumRequests = share(maximumRequests)
    engine.residentBytes = share(residentBytes)
    engine.messageBytes = share(messageBytes)
    engine.maximumDeliveries = share(maximumDeliveries)
    engine.historyBytes = max(
      share(historyBytes), min(historyBytes, LoadRequest.maximumHistoryBytes))
    engine.seed = seed &+ UInt64(part.core.number.magnitude)
    return engine
  }

  /// Bytes of the answers of steps, and of notifications, that the database cannot write now, while
  /// it can write others; beside `historyBytes`.
  var asideBytes: Int { historyBytes / 4 }

  /// Timers in memory, of all namespaces; one namespace has no more than it leaves free.
  var maximumTimers: Int { 4 * lookAheadPage }

  /// Timers for which each namespace has room, whatever the others hold.
  var minimumTimers: Int { min(16, max(1, lookAheadPage)) }
}
