import DequeModule
import MachineModel

/// One writer connection's queue of records. While a batch is in flight the next one fills; an idle
/// writer takes a lone record at once. There is no timer. A batch that is durable goes on in
/// `Commit/Commits`.
struct GroupCommit {
  /// Whose record it is.
  enum Origin {
    case step(ResidentMachine, StepID)
    case notification(ResidentMachine, QueuedNotification, RequestID)
    /// What became of a message of the machine.
    case message(ResidentMachine, MessageEnd)
  }

  struct Pending {
    let record: CommitRecord
    let origin: Origin

    var machine: ResidentMachine {
      switch origin {
      case .step(let machine, _), .notification(let machine, _, _), .message(let machine, _):
        machine
      }
    }

    var isStep: Bool {
      if case .step = origin { true } else { false }
    }

    fileprivate var isMessage: Bool {
      if case .message = origin { true } else { false }
    }

    /// It is a step's that its machine does not take any more.
    fileprivate var isGivenUp: Bool {
      if case .step(let machine, let id) = origin { machine.running?.id != id } else { false }
    }

    /// The same without what is kept of the step for those who ask; nil = it has none of that, or
    /// nothing else.
    var untraced: Pending? {
      guard record.traced != nil else { return nil }
      var record = record
      record.traced = nil
      return record.writesNothing ? nil : Pending(record: record, origin: origin)
    }

    /// The record as it is written now: an idempotency key is kept from now on.
    fileprivate func record(at wall: Timestamp) -> CommitRecord {
      var record = record
      if let key = record.idempotency?.key {
        record.idempotency?.expiresAt =
          wall.advanced(byMicroseconds: machine.namespace.retention(of: key))
      }
      return record
    }
  }

  private var pending: Deque<Pending> = []
  /// How many of `pending`, from the first on, were told that they are delayed.
  private var told = 0
  /// Records whose machine was let go since the last sweep, at most.
  private var abandoned = 0
  /// The most of them since there were none.
  private var most = 0
  /// What was refused, alone or together with others.
  private var held = HeldRecords()
  /// The last batch was of that, and others have their turn.
  private var wasTry = false
  private(set) var inFlight: (id: BatchID, entries: [Pending])?
  /// When the batch in flight was handed to storage, on `Moment.uptime`.
  private(set) var sentAt: Int64 = 0
  /// The database does not take the batch in flight.
  private(set) var isDelayed = false
  /// Rows were found locked: before, on `Moment.uptime`, more of them may be.
  private var locksExpectedUntil = Int64.min

  /// For so long after a machine was found locked that was not known for it.
  private static let locksExpected: Int64 = 10_000_000

  /// Records that wait, or are on their way.
  var count: Int { pending.count + (inFlight?.entries.count ?? 0) + held.count }

  /// The machine's step or notification cannot be written now, and is kept.
  func holds(_ machine: ResidentMachine) -> Bool { held.keeps(machine) }

  /// Machines of which something is kept that cannot be written now.
  var heldMachines: Int { held.keptCount }

  /// When there is something to write that nothing else announces, on `Moment.uptime`.
  var wakeAt: Int64? { inFlight == nil ? held.nextAt : nil }

  /// What is held back contradicts itself. Looks at all of it.
  var isInconsistent: Bool { held.isInconsistent(inFlight: inFlight?.entries ?? []) }

  /// Notifications of the machine that wait, or are on their way, reports included. Looks at all
  /// records.
  func notifications(of machine: ResidentMachine) -> Int {
    entries(of: machine).count { !$0.isStep && !$0.record.enqueued.isEmpty }
  }

  /// Messages of the machine of which it waits, or is on its way, what became of them. Looks at all
  /// records.
  func messages(of machine: ResidentMachine) -> Int {
    entries(of: machine).count(where: \.isMessage)
  }

  /// Of which of the machine's messages it is on its way what became of them. Looks at the batch.
  func messagesInFlight(of machine: ResidentMachine) -> [MessageRef] {
    Visits.note(inFlight?.entries.count ?? 0)
    return (inFlight?.entries ?? []).compactMap { entry in
      guard case .message(machine, let end) = entry.origin else { return nil }
      return end.message
    }
  }

  private func entries(of machine: ResidentMachine) -> [Pending] {
    let entries = [Array(pending), inFlight?.entries ?? [], held.records(of: machine)]
    return entries.joined().filter { $0.machine === machine }
  }

  mutating func add(_ record: CommitRecord, from origin: Origin) {
    if isDelayed, told == pending.count { told += 1 }
    pending.append(Pending(record: record, origin: origin))
    assert(!pending[pending.count - 1].machine.isDropped, "a machine in memory is written")
    assert(told <= pending.count, "no more are told than wait")
    most = max(most, pending.count)
  }

  /// The next batch, when none is in flight and there is something to write.
  mutating func nextBatch(slot: Int, at now: Moment, id: () -> BatchID) -> CommitBatch? {
    guard inFlight == nil else { return nil }
    var entries: [Pending] = []
    // What was refused takes turns with everything else.
    if wasTry { entries = takePending() }
    if entries.isEmpty { entries = held.next(at: now.uptime, othersWait: !pending.isEmpty) }
    if entries.isEmpty { entries = takePending() }
    // All of that may wait behind what was refused.
    if entries.isEmpty { entries = held.next(at: now.uptime, othersWait: false) }
    if entries.isEmpty { return nil }
    wasTry = held.tried != nil
    let batch = CommitBatch(
      id: id(), slot: slot, records: entries.map { $0.record(at: now.wall) },
      expectsLocks: held.tried == .locks || now.uptime < locksExpectedUntil)
    assert(batch.records.count <= CommitBatch.maximumRecords, "a batch has its bound")
    assert(!isDelayed, "a batch is delayed once it is on its way")
    inFlight = (batch.id, entries)
    sentAt = now.uptime
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
    assert(told <= pending.count, "no more are told than wait")
    if pending.isEmpty, most > 2 * CommitBatch.maximumRecords { giveBack() }
    return entries
  }

  /// What was let go meanwhile, with its shard or alone, is not written after all; what belongs
  /// behind what was refused waits there.
  private mutating func mayBeWritten(_ entry: Pending) -> Bool {
    if entry.machine.isDropped || entry.isGivenUp { return false }
    assert(entry.machine.recordsInFlight > 0, "what is to be written is its machine's")
    guard held.contains(entry.machine) else { return true }
    held.wait(entry)
    return false
  }

  /// After a crowd its memory is given back.
  private mutating func giveBack() {
    assert(pending.isEmpty, "nothing that waits is given back")
    pending = []
    most = 0
  }

  /// What became of the batch in flight.
  enum End {
    case written
    /// None of it is or will be.
    case givenUp
    /// None of it is; it is tried again.
    case refused
  }

  /// The batch in flight ended. Answers what was in it.
  mutating func ended(_ end: End, at uptime: Int64) -> [Pending] {
    assert(inFlight != nil, "what ends is in flight")
    guard let entries = inFlight?.entries else { return [] }
    inFlight = nil
    isDelayed = false
    guard held.tried != nil else { return entries }
    held.ended(at: uptime, after: uptime - sentAt, isWritten: end == .written)
    if end != .refused { goOn(entries.flatMap { held.free($0.machine) }) }
    return entries
  }

  /// What waited behind something goes before everything else.
  private mutating func goOn(_ behind: [Pending]) {
    pending.insert(contentsOf: behind, at: 0)
    if told > 0 { told += behind.count }
    most = max(most, pending.count)
    assert(told <= pending.count, "no more are told than wait")
    Visits.note(behind.count)
  }

  /// The record of the batch that ended could not be written, while others can be: it is tried
  /// again.
  mutating func hold(_ record: Pending, at uptime: Int64) {
    assert(inFlight == nil, "what is kept is not on its way")
    held.hold(record, at: uptime, after: uptime - sentAt)
  }

  /// Some of what was refused together is at fault: it is tried apart.
  mutating func split(_ entries: [Pending]) {
    assert(inFlight == nil, "what is split is not on its way")
    held.split(entries)
  }

  /// Nothing is wrong with these, which were refused together with others: they are tried together.
  mutating func regroup(_ entries: [Pending]) {
    assert(inFlight == nil, "what is tried again is not on its way")
    held.regroup(entries)
  }

  /// Storage named the machine's row as locked, and did not say otherwise since.
  func isLocked(_ machine: ResidentMachine) -> Bool { held.isLocked(machine) }

  /// The record was in the batch that ended, and its machine's row is locked. Nothing of the
  /// machine waits before it.
  mutating func holdLocked(_ record: Pending, at uptime: Int64) {
    assert(inFlight == nil, "what is kept is not on its way")
    if !held.isLocked(record.machine) {
      locksExpectedUntil = uptime.saturatingAdd(Self.locksExpected)
    }
    held.holdLocked(record, at: uptime)
  }

  /// Something of the machine waits before the record of the batch that ended.
  func waits(before record: Pending) -> Bool { held.hasFirst(of: record.machine) }

  /// The record of the batch that ended waits behind what waits of its machine.
  mutating func wait(_ record: Pending) {
    assert(inFlight == nil, "what waits is not on its way")
    held.wait(record)
  }

  /// The record of the batch that ended is not written at all, which nothing waits before.
  mutating func giveUp(_ record: Pending) {
    assert(!waits(before: record), "nothing waits before what is given up")
    goOn(held.free(record.machine))
  }

  /// The machine's step, which is not on its way, is not written after all.
  mutating func withdrawStep(of machine: ResidentMachine) {
    assert(
      inFlight?.entries.contains { $0.isStep && $0.machine === machine } != true,
      "a step on its way is not taken back")
    goOn(held.withdrawStep(of: machine))
  }

  /// A machine was let go: its records are passed over, and swept when they may be the larger part,
  /// so that their memory is given back though nothing is written.
  mutating func abandon(_ machine: ResidentMachine) {
    assert(machine.isDropped, "only a machine that is gone is passed over")
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
    assert(inFlight != nil, "what is delayed is on its way")
    var untold = isDelayed ? [] : inFlight?.entries ?? []
    if !isDelayed { untold += held.groupedRecords }
    untold += pending.dropFirst(told)
    Visits.note(untold.count)
    isDelayed = true
    told = pending.count
    return untold
  }
}
