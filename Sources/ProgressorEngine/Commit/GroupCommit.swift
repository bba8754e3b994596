import DequeModule

/// One writer connection's queue of records. While a batch is in flight the next one fills; an idle
/// writer takes a lone record at once. There is no timer.
struct GroupCommit {
  /// Whose record it is.
  enum Origin {
    case step(ResidentMachine, StepID)
    case notification(ResidentMachine, QueuedNotification, RequestID)
  }

  struct Pending {
    let record: CommitRecord
    let origin: Origin

    var machine: ResidentMachine {
      switch origin {
      case .step(let machine, _), .notification(let machine, _, _): machine
      }
    }

    var isStep: Bool {
      if case .step = origin { true } else { false }
    }
  }

  private var pending: Deque<Pending> = []
  /// How many of `pending`, from the first on, were told that they are delayed.
  private var told = 0
  /// Records whose machine was let go since the last sweep, at most.
  private var abandoned = 0
  /// The most of them since there were none.
  private var most = 0
  /// Halves of a refused batch, to be tried before anything else.
  private var halves: [[Pending]] = []
  /// Steps that cannot be written now while others can.
  private var held = HeldRecords()
  /// The batch in flight, or the last one, is such a step, tried again.
  private var isRetry = false
  private(set) var inFlight: (id: BatchID, entries: [Pending])?
  /// When the batch in flight was handed to storage, on `Moment.uptime`.
  private(set) var sentAt: Int64 = 0
  /// The database does not take the batch in flight.
  private(set) var isDelayed = false

  /// Records that wait, or are on their way.
  var count: Int {
    pending.count + (inFlight?.entries.count ?? 0) + halves.reduce(0) { $0 + $1.count }
      + held.count
  }

  /// The machine's step is kept, and tried again.
  func holds(_ machine: ResidentMachine) -> Bool { held.holds(machine) }

  /// Machines whose step is kept and tried again.
  var heldMachines: Int { held.machineCount }

  /// When there is something to write that nothing else announces, on `Moment.uptime`.
  var wakeAt: Int64? { inFlight == nil ? held.nextAt : nil }

  /// Notifications of the machine that wait, or are on their way. Looks at all records.
  func notifications(of machine: ResidentMachine) -> Int {
    let entries = [Array(pending), inFlight?.entries ?? [], held.records(of: machine)] + halves
    return entries.joined().count { !$0.isStep && $0.machine === machine }
  }

  mutating func add(_ record: CommitRecord, from origin: Origin) {
    if isDelayed, told == pending.count { told += 1 }
    pending.append(Pending(record: record, origin: origin))
    most = max(most, pending.count)
  }

  /// The next batch, when none is in flight and there is something to write.
  mutating func nextBatch(slot: Int, at uptime: Int64, id: () -> BatchID) -> CommitBatch? {
    guard inFlight == nil else { return nil }
    var entries: [Pending] = []
    while entries.isEmpty, let half = halves.popLast() {
      for entry in half where mayBeWritten(entry) { entries.append(entry) }
    }
    // What is tried again takes turns with everything else.
    if entries.isEmpty, isRetry { entries = takePending() }
    isRetry = false
    if entries.isEmpty, let step = held.next(at: uptime) {
      entries = [step]
      isRetry = true
    }
    if entries.isEmpty { entries = takePending() }
    if entries.isEmpty { return nil }
    let batch = CommitBatch(id: id(), slot: slot, records: entries.map(\.record))
    inFlight = (batch.id, entries)
    sentAt = uptime
    return batch
  }

  /// The first of what waits, as much as fits into a batch.
  private mutating func takePending() -> [Pending] {
    var entries: [Pending] = []
    var bytes = 0
    while let next = pending.first, entries.count < CommitBatch.maximumRecords {
      let bytesWithIt = bytes + next.record.bytes
      if bytesWithIt > CommitBatch.maximumBytes, !entries.isEmpty { break }
      if mayBeWritten(next) {
        bytes = bytesWithIt
        entries.append(next)
      }
      Visits.note(1)
      pending.removeFirst()
      told = max(0, told - 1)
    }
    if pending.isEmpty, most > 2 * CommitBatch.maximumRecords { giveBack() }
    return entries
  }

  /// What was let go meanwhile, with its shard or alone, is not written after all; what belongs
  /// behind a step that is kept waits there.
  private mutating func mayBeWritten(_ entry: Pending) -> Bool {
    if entry.machine.isDropped { return false }
    guard held.holds(entry.machine) else { return true }
    held.wait(entry)
    return false
  }

  /// After a crowd its memory is given back.
  private mutating func giveBack() {
    pending = []
    most = 0
  }

  /// The batch in flight ended; nil when it is not this one.
  ///
  /// - Parameter isFinal: it is known what became of it; else its only record may be held.
  mutating func ended(_ id: BatchID, isFinal: Bool = true) -> [Pending]? {
    guard let batch = inFlight, batch.id == id else { return nil }
    inFlight = nil
    isDelayed = false
    if isRetry, isFinal, let step = batch.entries.first {
      let behind = held.free(step.machine)
      pending.insert(contentsOf: behind, at: 0)
      if told > 0 { told += behind.count }
      most = max(most, pending.count)
      Visits.note(behind.count)
    }
    return batch.entries
  }

  /// The step of the batch that ended could not be written, while others can be: it is tried again.
  mutating func hold(_ step: Pending, at uptime: Int64) {
    held.hold(step, at: uptime, after: uptime - sentAt)
  }

  /// A step in a refused batch is at fault: halve, until the bad one stands alone. Order is kept.
  mutating func split(_ entries: [Pending]) {
    let middle = entries.count / 2
    for half in [entries[middle...], entries[..<middle]] where !half.isEmpty {
      halves.append(Array(half))
    }
  }

  /// A machine was let go: its records are passed over, and swept when they may be the larger part,
  /// so that their memory is given back though nothing is written.
  mutating func abandon(_ machine: ResidentMachine) {
    held.forget(machine)
    abandoned += machine.recordsInFlight
    guard abandoned > 64, abandoned > pending.count / 2 else { return }
    Visits.note(pending.count)
    told = pending.prefix(told).count { !$0.machine.isDropped }
    pending.removeAll(where: \.machine.isDropped)
    abandoned = 0
  }

  /// The database does not take the batch in flight. Answers what was not told so before, in its
  /// order.
  mutating func delayed() -> [Pending] {
    var untold = isDelayed ? [] : inFlight?.entries ?? []
    if !isDelayed { for half in halves.reversed() { untold += half } }
    untold += pending.dropFirst(told)
    Visits.note(untold.count)
    isDelayed = true
    told = pending.count
    return untold
  }
}
