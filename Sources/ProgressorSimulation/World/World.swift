import MachineModel
import ProgressorEngine

/// What the seed draws before a run begins: sizes, limits and habits, tiny ones preferred, because
/// bounds are where the bugs are.
struct World: Sendable {
  var configuration: EngineConfiguration
  var nodes: Int
  /// Engines of each node.
  var cores: Int32
  var namespaces: [NamespaceRecord]
  /// Machine ids that clients use in each namespace: few, so that starts and removals race.
  var identifiers: Int
  /// Microseconds that a lease lasts, and that a node stops before its end.
  var lease: Int64
  var margin: Int64
  /// Mean microseconds between requests.
  var arrivalInterval: Int64
  /// The longest that something slow takes: so many requests come meanwhile, and not all of them.
  var longPause: Int64 { 100 * arrivalInterval }
  /// Bytes that are added to some payloads.
  var padding: Int
  /// How the processors like to answer: weights of no timer, set and unset, and of removal.
  var timerWeights: [Int]
  var removal: Double
  /// How often they fail their machine.
  var failing: Double
  /// How often their answers send messages.
  var sending: Double
  /// How often clients ask for the machine as they expect it.
  var expecting = 0.1

  /// Microseconds that a node's time of day may differ from the database's.
  static let maximumSkew: Int64 = 2_500_000

  init(random: inout RandomSource) {
    var configuration = EngineConfiguration()
    configuration.shards = [1, 2, 4, 16, 64][random.below(5)]
    configuration.slots = 1 + random.below(3)
    configuration.maximumRequests = random.pick([20, 100, 1_000, 100_000]) ?? 100
    configuration.maximumWaits = random.pick([2, 20, 10_000]) ?? 20
    configuration.residentBytes = random.pick([0, 2_000, 50_000, 10 << 20]) ?? 0
    configuration.historyBytes = random.pick([0, 3_000, 100_000, 256 << 20]) ?? 0
    configuration.smallHistoryBytes = random.pick([0, 100, 2_000, 512 << 10]) ?? 0
    configuration.historyWindowBytes = random.pick([0, 200, 2_000, 64 << 10]) ?? 0
    configuration.maximumContentBytes = 20_000
    configuration.maximumStepBytes = 400_000
    configuration.maximumStepEvents = 50
    configuration.lookAhead = random.pick([200_000, 5_000_000, 60_000_000]) ?? 0
    configuration.lookAheadPage = random.pick([2, 10, 10_000]) ?? 2
    configuration.messageBytes = random.pick([0, 2_000, 64 << 20]) ?? 0
    configuration.maximumDeliveries = random.pick([1, 4, 512]) ?? 1
    configuration.seed = random.next()
    self.configuration = configuration
    nodes = random.chance(0.5) ? 2 : 1
    cores = random.chance(0.5) ? 1 : 2 + Int32(random.below(2))
    identifiers = random.pick([1, 3, 10, 40]) ?? 3
    arrivalInterval = random.pick([200, 2_000, 20_000]) ?? 0
    lease = max(50_000, arrivalInterval * (random.pick([30, 100, 400]) ?? 0))
    margin = lease / 10
    padding = random.pick([0, 100, 5_000]) ?? 0
    timerWeights = [2 + random.below(6), random.below(6), random.below(3)]
    removal = random.pick([0, 0.02, 0.15]) ?? 0
    failing = random.pick([0, 0.02, 0.1]) ?? 0
    sending = random.pick([0, 0.05, 0.3]) ?? 0
    namespaces = []
    for number in 0..<(1 + random.below(3)) {
      namespaces.append(
        NamespaceRecord(
          number: NamespaceNumber(Int32(number + 1)),
          namespace: World.namespace(named: "n\(number)", random: &random)))
      namespaces[number].namespace.trace.level =
        [nil, .all, .changes, .all, .nothing][random.below(5)]
      // Of its own: the rest of the world is the same with and without a feed.
      var chance = RandomSource(seed: configuration.seed &+ UInt64(number))
      namespaces[number].namespace.feed = FeedOptions(
        isEnabled: chance.chance(0.8), hasBodies: chance.chance(0.5))
    }
  }

  /// What one of a node's engines is given: its part of what the node may hold, rounded up.
  func configuration(of core: CoreNumber) -> EngineConfiguration {
    let cores = Int(cores)
    func share(_ whole: Int) -> Int { (whole + cores - 1) / cores }
    var own = configuration
    own.part = ShardPart(core, of: self.cores)
    own.maximumRequests = share(configuration.maximumRequests)
    own.residentBytes = share(configuration.residentBytes)
    own.historyBytes = share(configuration.historyBytes)
    return own
  }

  static func namespace(named name: String, random: inout RandomSource) -> Namespace {
    let policy = RetryPolicy(
      initialInterval: random.pick([1_000, 100_000, 1_000_000]),
      multiplier: random.pick([1, 1.5, 2]), maxInterval: random.pick([10_000, 5_000_000]),
      maxAttempts: random.pick([0, 1, 3, 100]), jitter: random.pick([0, 0.1, 1]),
      nonRetryable: random.chance(0.3) ? ["UNAVAILABLE"] : [])
    let limits = Limits(
      mailbox: random.pick([0, 1, 5, 1_000]), stepsInFlight: random.pick([1, 4, 10_000]),
      notifications: random.pick([1, 5, 100, 10_000]),
      messages: random.pick([0, 3, 100, 10_000]))
    let range: HistoryRange? =
      random.chance(0.4)
      ? HistoryRange(
        after: 0, limit: Int32(random.below(5)),
        direction: random.chance(0.5) ? .forward : .backward)
      : nil
    return Namespace(
      name: name,
      processor: ProcessorOptions(
        endpoint: "\(name):1", timeout: random.pick([50_000, 1_000_000, 30_000_000]),
        maxInFlight: random.pick([0, 1, 1, 2, 5, 100]) ?? 0),
      retryPolicy: policy, limits: limits, defaultHistoryRange: range, version: 1)
  }
}
