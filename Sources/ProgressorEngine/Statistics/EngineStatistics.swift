import MachineModel

/// What the engine holds and has done, as plain numbers for whoever shows them.
public struct EngineStatistics: Sendable, Hashable {
  /// What happened since the engine began: numbers that only grow.
  public struct Counts: Sendable, Hashable {
    /// Requests that were refused since too many were in flight in the server.
    public internal(set) var requestsRefused: UInt64 = 0
    /// Requests that were refused since too many waited for a machine to change.
    public internal(set) var waitsRefused: UInt64 = 0
    /// Idle machines that left memory for want of room.
    public internal(set) var evictions: UInt64 = 0
    /// Batches that were handed to storage.
    public internal(set) var batches: UInt64 = 0
    /// Records of steps and notifications in those batches.
    public internal(set) var records: UInt64 = 0
    /// From handing a batch to storage to its being durable.
    public internal(set) var commitDurations = Distribution()
    /// Batches that the database refused; each is split or given up.
    public internal(set) var batchesRefused: UInt64 = 0
    /// Batches that the database keeps or kept waiting.
    public internal(set) var batchesDelayed: UInt64 = 0
    /// Answers of processors that were given up: the database could not write them then, and there
    /// was no room to keep them.
    public internal(set) var answersGivenUp: UInt64 = 0
    /// From the time of a timer, or of its retry, to the call of its processor.
    public internal(set) var timerLateness = Distribution()
    /// Messages of steps that are durable.
    public internal(set) var messagesSent: UInt64 = 0
    /// Messages that had their effect.
    public internal(set) var messagesDelivered: UInt64 = 0
    /// Attempts to deliver messages that are repeated.
    public internal(set) var messagesRetried: UInt64 = 0
    /// Messages of which it turned out that they can never be delivered.
    public internal(set) var messagesUndelivered: UInt64 = 0
    /// From the time of a message to the reply that says that it had its effect.
    public internal(set) var messageLateness = Distribution()

    public init() {}
  }

  /// Requests that are not answered yet, of all namespaces.
  public var requests = 0
  /// The limit of `requests` (`limits.requests`).
  public var maximumRequests = 0
  /// Requests that wait for a machine to change.
  public var waits = 0
  /// The limit of `waits` (`limits.waits`), of each core.
  public var maximumWaits = 0
  /// Requests that the shell refused before the engine saw them, for the same limit.
  public var refusedBeforehand: UInt64 = 0
  /// Turns of the shell's loop that took long.
  public var slowTurns: UInt64 = 0
  /// Machines in memory, idle ones included.
  public var machines = 0
  /// About, of machines that were idle once since they were read.
  public var residentBytes = 0
  /// The limit of `residentBytes` (`limits.resident_size`).
  public var maximumResidentBytes = 0
  /// Of the histories and answers of running steps.
  public var historyBytes = 0
  /// Of the answers of steps, and of notifications, that cannot be written now, while others can
  /// be: about a quarter of `maximumHistoryBytes` at most, but for one of them.
  public var asideBytes = 0
  /// The limit of `historyBytes` (`limits.history_size`).
  public var maximumHistoryBytes = 0
  /// Machines that are due now or within the look-ahead and are held for it, of all namespaces.
  public var timers = 0
  /// The limit of `timers`, shared by the namespaces.
  public var maximumTimers = 0
  /// Messages that are due now or within the look-ahead, in memory.
  public var messages = 0
  /// Messages whose time has come.
  public var messagesDue = 0
  /// Messages that are being read, delivered, or written of what became of them.
  public var messagesUnderWay = 0
  /// Shards that this node owns.
  public var shards = 0
  /// Microseconds that the lease is still trusted; 0 = it is not.
  public var leaseRemaining: Int64 = 0
  /// Records that wait for a writer or are on their way.
  public var recordsWaiting = 0
  /// Machines whose step cannot be written now, while others can be: it is kept and tried again.
  public var heldMachines = 0
  /// Writers whose batch the database does not take at the moment.
  public var delayedWriters = 0
  /// What happened since the engine began.
  public var counts = Counts()
  /// By number.
  public var namespaces: [NamespaceStatistics] = []

  public init() {}
}

extension EngineStatistics {
  /// Takes those of another core of the node in: together they are the node's.
  public mutating func add(_ other: EngineStatistics) {
    requests += other.requests
    maximumRequests += other.maximumRequests
    waits += other.waits
    maximumWaits = max(maximumWaits, other.maximumWaits)
    refusedBeforehand += other.refusedBeforehand
    slowTurns += other.slowTurns
    machines += other.machines
    residentBytes += other.residentBytes
    maximumResidentBytes += other.maximumResidentBytes
    historyBytes += other.historyBytes
    asideBytes += other.asideBytes
    maximumHistoryBytes += other.maximumHistoryBytes
    timers += other.timers
    maximumTimers += other.maximumTimers
    messages += other.messages
    messagesDue += other.messagesDue
    messagesUnderWay += other.messagesUnderWay
    shards += other.shards
    leaseRemaining = min(leaseRemaining, other.leaseRemaining)
    recordsWaiting += other.recordsWaiting
    heldMachines += other.heldMachines
    delayedWriters += other.delayedWriters
    counts.add(other.counts)
    add(other.namespaces)
  }

  /// Both are in the order of their numbers. One that not each core knows yet, or any more, counts
  /// with what is there.
  private mutating func add(_ others: [NamespaceStatistics]) {
    var known: [NamespaceNumber: Int] = [:]
    for (index, namespace) in namespaces.enumerated() { known[namespace.number] = index }
    assert(known.count == namespaces.count, "a namespace is named once")
    for other in others {
      if let index = known[other.number] {
        namespaces[index].add(other)
      } else {
        namespaces.append(other)
      }
    }
    namespaces.sort { $0.number.number < $1.number.number }
  }
}

extension EngineStatistics.Counts {
  /// Takes the other's counts in, too.
  mutating func add(_ other: Self) {
    requestsRefused += other.requestsRefused
    waitsRefused += other.waitsRefused
    evictions += other.evictions
    batches += other.batches
    records += other.records
    commitDurations.add(other.commitDurations)
    batchesRefused += other.batchesRefused
    batchesDelayed += other.batchesDelayed
    answersGivenUp += other.answersGivenUp
    timerLateness.add(other.timerLateness)
    messagesSent += other.messagesSent
    messagesDelivered += other.messagesDelivered
    messagesRetried += other.messagesRetried
    messagesUndelivered += other.messagesUndelivered
    messageLateness.add(other.messageLateness)
  }
}

extension Engine {
  /// The statistics as of `uptime`. Who takes them changes nothing for others.
  public func takeStatistics(at uptime: Int64) -> EngineStatistics {
    var statistics = EngineStatistics()
    statistics.requests = requests.count
    statistics.maximumRequests = configuration.maximumRequests
    statistics.waits = waits.count
    statistics.maximumWaits = configuration.maximumWaits
    statistics.machines = residency.count
    statistics.residentBytes = residency.bytes
    statistics.maximumResidentBytes = configuration.residentBytes
    statistics.historyBytes = stepMemory.bytes
    statistics.asideBytes = stepMemory.asideBytes
    statistics.maximumHistoryBytes = configuration.historyBytes
    statistics.timers = schedule.timerCount
    statistics.maximumTimers = configuration.maximumTimers
    statistics.messages = messages.count
    statistics.messagesDue = messages.due
    statistics.messagesUnderWay = messages.underWay
    statistics.shards = ownership.count
    statistics.leaseRemaining = ownership.remaining(at: uptime)
    for slot in writers.all {
      statistics.recordsWaiting += slot.count
      statistics.heldMachines += slot.heldMachines
      if slot.isDelayed { statistics.delayedWriters += 1 }
    }
    statistics.counts = counts
    let wall = now.wall
    statistics.namespaces = namespaces.all
      .map { $0.takeStatistics(at: uptime, wall, timerCapacity: schedule.timerCapacity($0)) }
      .sorted { $0.number.number < $1.number.number }
    return statistics
  }

  /// Counts how the machine's step ended.
  func count(_ result: NamespaceCounts.Result, _ machine: ResidentMachine) {
    guard let step = machine.running?.operation.counted else { return }
    machine.namespace.counts.count(step, result)
  }
}

extension NamespaceState {
  func takeStatistics(
    at uptime: Int64, _ wall: Timestamp, timerCapacity: Int
  ) -> NamespaceStatistics {
    let due = schedule.timers.count(dueAt: wall)
    return NamespaceStatistics(
      name: settings.name, number: number, requests: places.requests,
      stepsInFlight: gate.steps,
      maximumStepsInFlight: nodeLimits.steps, callsInFlight: gate.invocations,
      maximumCallsInFlight: nodeLimits.invocations, waiting: gate.waitingCount,
      historyBytes: memory.steps, active: schedule.active, due: parks ? 0 : due,
      parked: parks ? due : 0,
      hasBacklog: schedule.timers.hasBacklog(at: wall, capacity: timerCapacity),
      maximumMailbox: mailboxLimit, maximumNotifications: notificationLimit,
      longestMailbox: longestMailbox.height(at: uptime),
      longestQueue: longestQueue.height(at: uptime), counts: counts)
  }
}

extension Verdict {
  var counted: NamespaceCounts.CallOutcome {
    switch self {
    case .success: .answered
    case .unreachable: .unreachable
    case .transient: .transient
    case .refused: .refused
    case .fatal: .fatal
    case .machineTooLarge: .tooLarge
    }
  }
}
