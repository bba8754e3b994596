public import MachineModel

/// The rules of Progressor: what happens to machines, and in which order. It does nothing itself.
///
/// The shell around it owes it this, in this order, once per turn of its loop:
/// 1. read the time once, and give every input that arrived to `handle`, in order of arrival;
/// 2. call `flush` once;
/// 3. perform the effects in their order, and bring each answer back as an input.
///
/// An OK reply arises only while `Input.committed` is handled, or from what was committed before
/// (I2). Answers that come too late, twice or for something dropped change nothing. The engine
/// belongs to one event loop; it takes no locks and asks no clock.
public struct Engine: ~Copyable {
  let configuration: EngineConfiguration
  /// The time of the input that is being handled.
  var now = Moment(wall: .earliest, uptime: 0)
  var effects: [Effect] = []

  var ownership: Ownership
  var namespaces: NamespaceTable

  var residency: Residency
  var stepMemory: StepMemory
  var requests = RequestTable()
  var waits = WaitTable()
  var loads = LoadTable()
  var damagePauses = DamagePauses()
  var calls = CallTable()
  var writers: Writers

  var schedule: Schedule
  var messages: MessageSchedule
  var messageLoads: [LoadID: [MessageRef]] = [:]
  var removals = RecentRemovals()
  var deliveries: [DeliveryID: MessageRef] = [:]
  var ready = ReadyQueue()
  var counts = EngineStatistics.Counts()
  /// Chance is part of the engine's state, so that a run can be repeated.
  var jitter: SeededRandom

  private var numbers: TaggedNumbers
  private(set) var wakeAt: Int64?

  /// An engine that owns no shard and trusts no lease: it begins with the inputs that say
  /// otherwise.
  /// Equal configurations and inputs give equal effects, jitter included (`configuration.seed`).
  public init(configuration: EngineConfiguration) {
    self.configuration = configuration
    namespaces = NamespaceTable(configuration.part)
    ownership = Ownership(shardCount: configuration.shards)
    schedule = Schedule(configuration)
    messages = MessageSchedule(configuration)
    residency = Residency(configuration)
    stepMemory = StepMemory(configuration)
    writers = Writers(count: configuration.slots, of: configuration.part)
    numbers = TaggedNumbers(of: configuration.part.core)
    jitter = SeededRandom(seed: configuration.seed)
  }

  /// Takes one input in; what follows from it is appended to `effects`.
  public mutating func handle(_ input: Input, now: Moment, into effects: inout [Effect]) {
    assert(now.uptime >= self.now.uptime, "the uptime never goes back")
    self.now = now
    swap(&self.effects, &effects)
    defer { swap(&self.effects, &effects) }
    switch input {
    case .request(let request): admit(request)
    case .cancelled(let request): cancel(request)
    case .loaded(let load, let result): loaded(load, result)
    case .listed(let request, let result): listed(request, result)
    case .traceRead(let request, let result): traceRead(request, result)
    case .due(let query, let pages): lookedAhead(query, pages)
    case .messagesDue(let query, let page): messagesDue(query, page)
    case .messagesLoaded(let load, let result): messagesLoaded(load, result)
    case .delivered(let delivery, let reply): delivered(delivery, reply)
    case .processorAnswered(let step, let attempt, let outcome):
      processorAnswered(step, attempt: attempt, outcome)
    case .endpointReady(let namespace): endpointReady(namespace)
    case .committed(let batch): committed(batch)
    case .refused(let batch, let refusal): refused(batch, refusal)
    case .commitDelayed(let batch): commitDelayed(batch)
    case .fenced(let batch): fenced(batch)
    case .leaseRenewed(let until): ownership.renewed(until: until)
    case .shardsAcquired(let grants): acquire(grants)
    case .shardsLost(let lost): lose(Set(lost))
    case .permits(let message): heard(message)
    case .namespacesChanged(let records): namespacesChanged(records)
    case .timePassed: wakeAt = nil
    }
    answerWoken()
    drain()
  }

  /// Ends a turn: runs what is due, hands full batches to idle writers, asks for the next wake-up.
  public mutating func flush(now: Moment, into effects: inout [Effect]) {
    assert(now.uptime >= self.now.uptime, "a turn ends after its inputs")
    self.now = now
    swap(&self.effects, &effects)
    defer { swap(&self.effects, &effects) }
    expireRequests()
    drain()
    goOn()
    deliverMessages()
    evictIdleMachines()
    let batches = writers.nextBatches(at: now) { BatchID(numbers.next()) }
    for batch in batches {
      counts.batches += 1
      counts.records += UInt64(batch.records.count)
      self.effects.append(.commit(batch))
    }
    askForWake()
  }

  /// Lets those go on that waited for a turn or for memory. What ends at once makes room for
  /// others: they have theirs in the same turn, or in another one that is asked for.
  private mutating func goOn() {
    for _ in 0..<Engine.maximumRounds {
      schedule.beginRound(circumstances)
      while let machine = schedule.next(circumstances) {
        wakeUp(machine)
        drain()
      }
      admitWaitingForMemory()
      if !schedule.hasTurns(circumstances), stepMemory.next == nil { break }
    }
    assert(ready.isEmpty, "nobody who may go on is left behind in a turn")
    let query = schedule.beginRead(circumstances) { numbers.next() }
    if let query { effects.append(.readDue(query)) }
  }

  var circumstances: Schedule.Circumstances {
    Schedule.Circumstances(
      now: now, mayAct: ownership.mayAct(at: now.uptime),
      isDelayed: writers.isDelayed)
  }

  private static let maximumRounds = 64

  /// A number that this engine has not used yet.
  mutating func nextNumber() -> UInt64 { numbers.next() }

  private mutating func askForWake() {
    var next = requests.nextDeadline
    if let at = schedule.wakeAt(circumstances) { next = min(next ?? at, at) }
    if let at = writers.wakeAt { next = min(next ?? at, at) }
    if let at = waits.wakeAt(trustedUntil: ownership.trustEnd(after: now.uptime)) {
      next = min(next ?? at, at)
    }
    if circumstances.mayAct, let at = messages.wakeAt(now, mayBegin: !circumstances.isDelayed) {
      next = min(next ?? at, at)
    }
    if stepMemory.next != nil { next = now.uptime }
    assert(next != nil || requests.count == 0, "who waits for an answer has a deadline")
    guard let next, next != wakeAt else { return }
    wakeAt = next
    effects.append(.wake(at: max(next, now.uptime)))
  }
}

extension Int64 {
  func saturatingAdd(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
