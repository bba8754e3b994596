import MachineModel

/// A side road of a step's way: the database refused its batch or keeps it waiting, or nobody here
/// can say what became of it. What can be written later is kept, alone or with others.
extension Engine {
  mutating func refused(_ id: BatchID, _ refusal: CommitRefusal) {
    // An answer may come twice.
    guard let place = writers.place(of: id), let batch = writers[place].inFlight else { return }
    if case .locked(let machines) = refusal.fault,
      batch.entries.contains(where: { machines.contains($0.machine.id) })
    {
      return setAside(machines, place, refusal)
    }
    let isAlone = batch.entries.count == 1
    if isAlone, refusal.fault == .contents, let untraced = batch.entries[0].untraced {
      return writeUntraced(untraced, place)
    }
    let isKept = isAlone && mayPass(batch.entries[0], refusal)
    let ended = writers[place].ended(isKept || !isAlone ? .refused : .givenUp, at: now.uptime)
    counts.batchesRefused += 1
    assert(counts.batchesRefused <= counts.batches, "a batch is refused once")
    // What was let go meanwhile, with its shard or alone, is not written after all.
    abandonMessages(in: ended)
    let entries = ended.filter { !$0.machine.isDropped }
    if !isAlone { return writers[place].split(entries) }
    // Its machine was let go of meanwhile.
    guard let entry = entries.first else { return }
    guard isKept else { return poisoned(entry, refusal) }
    writers[place].hold(entry, at: now.uptime)
    isHeld(entry)
  }

  /// A record was refused alone. What is kept of its step for those who ask may be what is at
  /// fault, where a page of that table is damaged: no machine fails for it. So it is tried once
  /// without.
  private mutating func writeUntraced(_ entry: GroupCommit.Pending, _ place: Int) {
    assert(entry.record.traced == nil, "what is tried once more is another record")
    abandonMessages(in: writers[place].ended(.refused, at: now.uptime))
    counts.batchesRefused += 1
    if entry.machine.isDropped { return }
    writers[place].split([entry])
  }

  /// What cannot be written now takes nobody's turn, and no notification's caller waits for it.
  private mutating func isHeld(_ entry: GroupCommit.Pending) {
    assert(writers[entry.machine.shard].holds(entry.machine), "what cannot be written is kept")
    if case .notification(let machine, let notification, let request) = entry.origin {
      stepMemory.keep(notification, machine)
      tell(request, .storageUnavailable)
    }
    stepAside(entry.machine)
  }

  /// The rows of these machines are locked: what is to be written of them is kept, each machine for
  /// itself, and all others of the batch are written at once.
  private mutating func setAside(
    _ machines: Set<MachineID>, _ place: Int, _ refusal: CommitRefusal
  ) {
    let ended = writers[place].ended(.refused, at: now.uptime)
    abandonMessages(in: ended)
    let entries = ended.filter { !$0.machine.isDropped }
    // Of those that are known to be locked it was only a question.
    let isNew = entries.contains {
      machines.contains($0.machine.id) && !writers[place].isLocked($0.machine)
    }
    if isNew { counts.batchesRefused += 1 }
    writers[place].regroup(entries.filter { !machines.contains($0.machine.id) })
    // What becomes of one may let its machine go.
    for entry in entries where machines.contains(entry.machine.id) && !entry.machine.isDropped {
      if writers[place].waits(before: entry) {
        assert(writers[place].holds(entry.machine), "what waits before it was in the batch")
        writers[place].wait(entry)
        if case .notification(_, _, let request) = entry.origin {
          tell(request, .storageUnavailable)
        }
        stepAside(entry.machine)
      } else if mayPass(entry, refusal) {
        writers[place].holdLocked(entry, at: now.uptime)
        isHeld(entry)
      } else {
        writers[place].giveUp(entry)
        poisoned(entry, refusal)
      }
    }
  }

  /// Whether what was refused alone is written as soon as it can be. The processor of a step has
  /// answered, and is not asked again; nor is the failure of a machine given up of which nothing
  /// else can be written, unless somebody waits to take the machine away or to stop it. A
  /// notification is kept where there is room; or else it may be counted already in the due time
  /// that a step behind it writes.
  private func mayPass(_ entry: GroupCommit.Pending, _ refusal: CommitRefusal) -> Bool {
    if entry.machine.isDropped { return false }
    switch (entry.origin, refusal.fault) {
    case (.notification(let machine, let notification, _), .overdue),
      (.notification(let machine, let notification, _), .locked):
      return machine.kept.bytes > 0 || machine.isCommitting
        || stepMemory.hasRoomAside(notification.bytes, machine.namespace)
    case (.step(let machine, let id), .overdue), (.step(let machine, let id), .locked):
      return machine.running?.id == id && machine.running?.operation.isKept == true
    case (.message(let machine, let end), .overdue), (.message(let machine, let end), .locked):
      return machine.isSettling(end.message)
    case (.step(let machine, let id), .contents):
      return machine.running?.id == id && machine.running?.wasRefused == true
        && !isToBeTakenAway(machine)
    case (_, .contents), (_, .conflict), (_, .duplicate), (_, .namespaceGone): return false
    }
  }

  /// Somebody waits to remove the machine, or to pause it.
  private func isToBeTakenAway(_ machine: ResidentMachine) -> Bool {
    Visits.note(machine.requests.count)
    return machine.requests.contains { requests[$0]?.work.step?.takesAway ?? false }
  }

  /// The machine's step may wait for long: it takes nobody's turn meanwhile, and the bytes of its
  /// answer are counted apart. It is given up where they have no room.
  mutating func stepAside(_ machine: ResidentMachine) {
    // It may write nothing, or have stood aside before.
    guard let step = machine.running, step.writing != nil, !step.isAside else { return }
    assert(step.passage != .preparing, "what is written is not prepared any more")
    schedule.leave(machine)
    guard stepMemory.setAside(machine) else { return giveUp(machine) }
    if step.passage == .passed { machine.namespace.gate.standAside() }
    ready.add(machine.namespace)
  }

  /// The machine's step, which certainly is not written, begins anew some time.
  private mutating func giveUp(_ machine: ResidentMachine) {
    assert(machine.running?.isAside == false, "a step that has room aside is not given up")
    counts.answersGivenUp += 1
    writers[machine.shard].withdrawStep(of: machine)
    abandon(machine, .storageUnavailable, pause: nextDamagePause(machine))
  }

  /// The one bad step, alone.
  private mutating func poisoned(_ entry: GroupCommit.Pending, _ refusal: CommitRefusal) {
    assert(
      !writers[entry.machine.shard].waits(before: entry), "nothing waits before what is refused")
    let text = "the database refused the step (\(refusal.code)): \(refusal.message)"
    let error = ProgressorError(.internal, .storageRefused, text)
    switch entry.origin {
    case .notification(let machine, let notification, let request):
      // It was let go of meanwhile.
      guard !machine.isDropped else { return }
      machine.enqueueEnded(notification)
      stepMemory.releaseKept(machine)
      releaseUnheard(notification, request, entry.record, machine)
      let key = entry.record.idempotency?.key
      switch refusal.fault {
      case .contents: conclude(request, key: key, .error(error), machine)
      case .overdue, .locked, .namespaceGone:
        conclude(request, key: key, .error(.storageUnavailable), machine)
      case .conflict, .duplicate: return distrust(machine, request, key)
      }
      // A step may have counted it in the machine's due time.
      becomeDue(machine)
      becameIdle(machine)
    case .message(let machine, let end):
      // It was let go of meanwhile.
      guard !machine.isDropped else { return }
      unsettled(end, entry.record, machine)
      switch refusal.fault {
      case .contents, .overdue, .locked, .namespaceGone: break
      // What memory says of its messages is wrong.
      case .conflict, .duplicate: distrust(machine)
      }
    case .step(let machine, let id):
      // It was let go of, or its step given up, meanwhile.
      guard let step = machine.running, step.id == id, !machine.isDropped else { return }
      if refusal.fault == .namespaceGone {
        return end(machine, .error(.namespaceNotFound(machine.id.namespace)))
      }
      // Memory and database disagree, and what memory says is worth nothing. But what is there
      // already of a machine at the expected version was not made by steps: its rows are damaged,
      // and it fails.
      let isDamaged = refusal.fault == .duplicate && machine.row != nil
      guard refusal.fault == .contents || isDamaged, !step.wasRefused else {
        if refusal.fault == .contents, isToBeTakenAway(machine) {
          return abandon(machine, error, pause: nextDamagePause(machine))
        }
        if case .condemned? = step.writing?.application {
          return drop(machine, .storageUnavailable, pause: nextDamagePause(machine))
        }
        return drop(machine, .storageUnavailable)
      }
      // Of a refusal only the record was to be written.
      if case .nothing? = step.writing?.application, case .error(let refused)? = step.writing?.reply
      {
        return end(machine, .error(refused))
      }
      step.refuse()
      guard let row = machine.row else {
        return end(machine, .error(step.operation.kind == .start ? .startFailed(text) : error))
      }
      guard row.failure == nil, let kind = step.operation.kind else {
        return end(machine, .error(error))
      }
      let view = StepView(machine, now: now)
      perform(
        view.failing(
          row, kind, code: .internal, reason: text, attempts: 1, .error(.machineFailed(text))),
        machine)
    }
  }

  /// What memory says of the machine's queue is wrong. A step that its processor works on, or has
  /// answered, goes on: the version that it expects tells whether the rest is right, and to begin
  /// another beside it would be worse. The machine is read again afterwards.
  private mutating func distrust(
    _ machine: ResidentMachine, _ request: RequestID? = nil, _ key: String? = nil
  ) {
    switch machine.running?.phase {
    case .invoking, .committing:
      machine.distrust()
      if let request { conclude(request, key: key, .error(.storageUnavailable), machine) }
    case .deciding, .loading, .gated, nil:
      drop(machine, .storageUnavailable)
    }
    assert(machine.isDistrusted || machine.isDropped, "no step begins with what is wrong")
  }

  /// The database keeps the batch waiting: those who wait for it hear so, and their steps go on.
  mutating func commitDelayed(_ id: BatchID) {
    // An answer may come twice.
    guard let place = writers.place(of: id) else { return }
    if !writers[place].isDelayed { counts.batchesDelayed += 1 }
    assert(counts.batchesDelayed <= counts.batches, "a batch is delayed once")
    for entry in writers[place].delayed() where !entry.machine.isDropped {
      switch entry.origin {
      case .step(let machine, let step):
        // One that was given up may still stand in the way of its machine's later records.
        guard machine.running?.id == step, let request = machine.running?.requestID else {
          continue
        }
        tell(request, .storageUnavailable)
      case .notification(_, _, let request): tell(request, .storageUnavailable)
      case .message: break
      }
    }
  }

  /// The lease was lost while the batch was on its way, and nobody here can say whether it is
  /// written (`Input.fenced`): what its machines are is forgotten, and read again by their owner.
  mutating func fenced(_ id: BatchID) {
    // An answer may come twice.
    guard let place = writers.place(of: id) else { return }
    let entries = writers[place].ended(.givenUp, at: now.uptime)
    assert(writers.place(of: id) == nil, "a batch is on its way once")
    // Another may be the owner already: nothing begins in place of what is dropped here, until a
    // renewal says otherwise or the loss is told. If it was told before, the lease is a new one.
    if entries.contains(where: { !$0.machine.isDropped }) { ownership.lost() }
    abandonMessages(in: entries)
    for entry in entries { drop(entry.machine, .notOwner) }
  }
}
