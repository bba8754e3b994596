import MachineModel

/// A side road: a request whose client does not wait until the work for it is over.
extension Engine {
  /// The caller went away. What has begun goes on, and counts as a request until its answer, which
  /// nobody hears: so a client that cancels has no more work done than another.
  mutating func cancel(_ id: RequestID) {
    if waits.remove(id) != nil {
      return effects.append(.reply(id, .error(.cancelled)))
    }
    // Its answer may have been on its way.
    guard let pending = requests[id] else { return }
    if case .read = pending.work, !pending.isBeingRead { return drop(id, .error(.cancelled)) }
    guard hasBegun(id, pending) else {
      if !pending.isBeingRead { return drop(id, .error(.cancelled)) }
      // Nothing else is begun for it.
      pending.isCancelled = true
      return
    }
    // What was read is nothing that anybody waits for.
    if pending.isBeingRead { pending.isCancelled = true }
    // What is not its machine's step is being written or read.
    guard let step = pending.machine?.running, step.requestID == id else { return }
    // What has begun is not all that it wants.
    if pending.work.isOpening { pending.isCancelled = true }
    if let asking = step.asking {
      assert(calls[step.id] === pending.machine, "a call is found by its step's number")
      effects.append(.callOff(step.id, attempt: asking.attempt))
    }
  }

  mutating func expireRequests() {
    endWaits()
    while let id = requests.popExpired(at: now.uptime) {
      drop(id, .error(.deadlineExceeded))
    }
    assert(requests.nextDeadline.map { $0 > now.uptime } ?? true, "nobody waits beyond a deadline")
  }

  /// The caller no longer waits. What has not begun is dropped; what has begun runs to its commit,
  /// and its key stays taken until then.
  mutating func drop(_ id: RequestID, _ reply: Reply) {
    // It may have been answered before.
    guard let pending = take(id) else { return }
    effects.append(.reply(id, reply))
    guard let machine = pending.machine else { return }
    machine.stopReading(id)
    let isRunning = machine.running?.requestID == id
    if hasBegun(id, pending) {
      assert(!machine.mailbox.contains(.request(id)), "what has begun does not wait too")
      return keepCharging(pending)
    }
    machine.mailbox.remove(id)
    machine.stopNotifying(id)
    if let key = pending.key {
      settle(key.key, owner: id, reply, machine)
    }
    if isRunning, machine.running?.station != nil {
      end(machine)
    } else if machine.running == nil {
      ready.add(machine)
    }
  }
}

/// What the client sent belongs to its step, or its notification, alone once the request is
/// answered.
extension Engine {
  /// The request is answered before the work for it is over.
  mutating func keepCharging(_ pending: PendingRequest) {
    assert(requests[pending.request.id] == nil, "only who is answered is charged to the work")
    guard let machine = pending.machine, !machine.isDropped else { return }
    if let step = machine.running, step.requestID == pending.request.id {
      stepMemory.holdRequest(pending.request.heapBytes, machine)
    } else if pending.isEnqueued {
      residency.chargeUnheard(pending.request.notificationBytes, to: machine)
    }
  }

  /// The notification is written, or never will be.
  mutating func releaseUnheard(
    _ notification: QueuedNotification, _ request: RequestID, _ record: CommitRecord,
    _ machine: ResidentMachine
  ) {
    // Whose request waits still is charged with it.
    guard requests[request] == nil else { return }
    assert(
      record.enqueued.first?.sequence == notification.sequence, "a notification has its own record")
    let bytes =
      notification.args.heapBytes + notification.context.heapBytes
      + (record.idempotency?.key.heapBytes ?? 0)
    residency.chargeUnheard(-bytes, to: machine)
  }
}

extension Engine {
  /// Whether work is done for a request that can no longer be called off: reading for Get and List,
  /// a processor's call, a commit.
  private func hasBegun(_ id: RequestID, _ pending: PendingRequest) -> Bool {
    guard let machine = pending.machine else { return true }
    if case .read = pending.work { return true }
    guard machine.running?.requestID == id else { return pending.isEnqueued }
    switch machine.running?.phase {
    case .invoking, .committing: return true
    case .deciding, .loading, .gated, nil: return false
    }
  }
}
