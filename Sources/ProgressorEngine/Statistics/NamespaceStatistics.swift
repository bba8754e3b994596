/// What happened in a namespace since the engine began: numbers that only grow.
public struct NamespaceCounts: Sendable, Hashable {
  /// Why a request was refused.
  public enum Refusal: Int, Sendable, Hashable, CaseIterable {
    /// The namespace had as many requests in flight as were free in the server.
    case requests
    /// Too many waited on one machine, or on one idempotency key.
    case mailbox
    /// Too many notifications were queued on one machine.
    case notifications
  }

  /// What a processor's answer meant.
  public enum CallOutcome: Int, Sendable, Hashable, CaseIterable {
    case answered, refused, transient, fatal, unreachable, tooLarge
  }

  /// What a step was for.
  public enum Step: Int, Sendable, Hashable, CaseIterable {
    case start, call, repair, simpleRepair, remove, pause, drop, timeout, notification
    case importMachine, retryMessage
  }

  /// How a step ended.
  public enum Result: Int, Sendable, Hashable, CaseIterable {
    /// Its change is durable.
    case committed
    /// It changed nothing, or repeated a remembered reply.
    case unchanged
    /// It is tried again by the policy of retries.
    case retried
    /// The machine failed.
    case failed
    /// Its caller was told an error; the machine is as it was.
    case refused
    /// It could not go on: no endpoint, no storage, no lease. It comes again by itself, or its
    /// caller was told so.
    case postponed
  }

  /// Requests refused, by `Refusal.rawValue`.
  public private(set) var refusals = [UInt64](repeating: 0, count: Refusal.allCases.count)
  /// Calls of the processor that ended, by `CallOutcome.rawValue`.
  public private(set) var calls = [UInt64](repeating: 0, count: CallOutcome.allCases.count)
  private var steps = [UInt64](repeating: 0, count: Step.allCases.count * Result.allCases.count)
  /// Steps that had to wait for the namespace's limits.
  public internal(set) var waited: UInt64 = 0
  /// From a processor's call to its answer.
  public internal(set) var callDurations = Distribution()

  public init() {}

  /// How many steps of a kind ended so.
  public func steps(_ step: Step, _ result: Result) -> UInt64 {
    steps[step.rawValue * Result.allCases.count + result.rawValue]
  }

  /// Takes the other's counts in, too.
  public mutating func add(_ other: NamespaceCounts) {
    for index in refusals.indices { refusals[index] += other.refusals[index] }
    for index in calls.indices { calls[index] += other.calls[index] }
    for index in steps.indices { steps[index] += other.steps[index] }
    waited += other.waited
    callDurations.add(other.callDurations)
  }

  mutating func count(_ refusal: Refusal) { refusals[refusal.rawValue] += 1 }

  mutating func count(_ outcome: CallOutcome) { calls[outcome.rawValue] += 1 }

  mutating func count(_ step: Step, _ result: Result) {
    steps[step.rawValue * Result.allCases.count + result.rawValue] += 1
  }
}

/// A namespace as it is at a moment: what it uses of its limits, and what waits in it.
public struct NamespaceStatistics: Sendable, Hashable {
  /// The namespace's name.
  public var name: String
  /// Its number in the database; the order in which namespaces are shown.
  public var number: NamespaceNumber
  /// Its requests that are not answered yet.
  public var requests = 0
  /// Steps that have begun and are not durable.
  public var stepsInFlight = 0
  /// The limit of `stepsInFlight`.
  public var maximumStepsInFlight = 0
  /// Calls of its processor that have not ended.
  public var callsInFlight = 0
  /// The limit of `callsInFlight`.
  public var maximumCallsInFlight = 0
  /// Steps that wait for the two limits above, or for memory for their histories.
  public var waiting = 0
  /// Bytes of the histories and answers of its steps.
  public var historyBytes = 0
  /// Machines that do something by themselves just now.
  public var active = 0
  /// Machines that are due and wait for a turn.
  public var due = 0
  /// Machines that wait for an endpoint that is down.
  public var parked = 0
  /// More machines are due, or wait for the endpoint, than memory holds.
  public var hasBacklog = false
  /// The limit of `longestMailbox`.
  public var maximumMailbox = 0
  /// The limit of `longestQueue`.
  public var maximumNotifications = 0
  /// The most requests that waited on one machine in the last minute, the newest included.
  public var longestMailbox = 0
  /// The most notifications that were queued on one machine in the last minute.
  public var longestQueue = 0
  /// What happened in it since the engine began.
  public var counts = NamespaceCounts()
}

extension NamespaceStatistics {
  /// Takes those of the same namespace on another core in. Limits of the node are the same on each.
  mutating func add(_ other: NamespaceStatistics) {
    assert(number == other.number, "what is one namespace's is added to it")
    requests += other.requests
    stepsInFlight += other.stepsInFlight
    callsInFlight += other.callsInFlight
    waiting += other.waiting
    historyBytes += other.historyBytes
    active += other.active
    due += other.due
    parked += other.parked
    hasBacklog = hasBacklog || other.hasBacklog
    longestMailbox = max(longestMailbox, other.longestMailbox)
    longestQueue = max(longestQueue, other.longestQueue)
    counts.add(other.counts)
  }

  /// A namespace in which nothing is.
  public init(name: String, number: NamespaceNumber) {
    self.init(name: name, number: number, requests: 0)
  }
}
