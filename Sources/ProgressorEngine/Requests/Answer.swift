import MachineModel

/// The way's end: a request is answered, once, whatever becomes of the work for it.
extension Engine {
  /// A request's step is over: its caller, and those who wait on its key, hear so, even when the
  /// caller itself is gone.
  mutating func conclude(
    _ id: RequestID, key: String?, _ reply: Reply, _ machine: ResidentMachine
  ) {
    assert(
      requests[id].map { $0.machine === machine } ?? true, "a step answers who asked its machine")
    if requests[id] != nil { return answer(id, reply) }
    if let key { settle(key, owner: id, reply, machine) }
  }

  /// Answers a request, once, and ends what hangs on its idempotency key.
  mutating func answer(_ id: RequestID, _ reply: Reply) {
    let pending = take(id)
    if pending != nil { effects.append(.reply(id, reply)) }
    if let pending, let key = pending.key, let machine = pending.machine {
      settle(key.key, owner: id, reply, machine)
      assert(machine.keys[key.key]?.owner != id, "who is answered holds no key")
    }
  }

  /// Takes out a request that is answered, or dropped. If it waited for another one's reply, it
  /// waits no more.
  mutating func take(_ id: RequestID) -> PendingRequest? {
    guard let pending = requests.remove(id) else { return nil }
    pending.namespace.awaitsQuietNoMore(id)
    if let machine = pending.machine {
      machine.answered(id)
      if !machine.isDropped { residency.charge(-pending.request.bytes, to: machine) }
      if let key = pending.key { machine.keys.leave(id, key.key, key.fingerprint) }
    }
    return pending
  }

  /// Tells a caller that the outcome is unknown; its step, and its key, go on.
  mutating func tell(_ id: RequestID, _ error: ProgressorError) {
    // It may have been answered before.
    guard let pending = take(id) else { return }
    assert(pending.machine != nil, "only what a machine does goes on without its caller")
    effects.append(.reply(id, .error(error)))
    keepCharging(pending)
  }
}
