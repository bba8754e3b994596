import MachineModel

/// Idempotency keys whose first request is still running.
extension Engine {
  /// Takes the key for the request. False when another request holds it: then this one waits for
  /// that one's reply. With other arguments it is refused, once it is known whose the key is: the
  /// one that holds it may be the one that is mistaken.
  mutating func claim(
    _ key: (key: String, fingerprint: [UInt8]), for request: Request, _ work: Work,
    _ machine: ResidentMachine
  ) -> Bool {
    guard let pending = machine.keys[ExactText(key.key)] else {
      assert(!machine.isDropped, "a key is taken at a machine in memory")
      machine.keys[ExactText(key.key)] = PendingKey(owner: request.id, fingerprint: key.fingerprint)
      return true
    }
    if pending.isConfirmed, pending.fingerprint != key.fingerprint {
      refuse(request, .keyReused)
      return false
    }
    guard pending.waiterCount < machine.namespace.mailboxLimit else {
      machine.namespace.counts.count(.mailbox)
      refuse(request, .overloaded("too many requests wait on the idempotency key"))
      return false
    }
    machine.keys[ExactText(key.key)]?.wait(request.id, key.fingerprint)
    register(request, work, machine, in: machine.namespace, key)
    return false
  }

  /// The request that held a key ended: OK is everybody's reply; after an error the next one tries.
  mutating func settle(
    _ key: String, owner: RequestID, _ reply: Reply, _ machine: ResidentMachine
  ) {
    let key = ExactText(key)
    guard machine.keys[key]?.owner == owner else { return }
    if StoredReply(reply) != nil {
      guard let pending = machine.keys.removeValue(forKey: key) else { return }
      for waiter in pending.allWaiters {
        assert(requests[waiter] != nil, "who waits on a key has not ended")
        guard let request = take(waiter) else { continue }
        let isRepeat = request.key?.fingerprint == pending.fingerprint
        effects.append(.reply(waiter, isRepeat ? reply : .error(.keyReused)))
      }
    } else if let next = machine.keys[key]?.handOver() {
      enter(next, machine)
    } else {
      machine.keys[key] = nil
    }
  }

  /// The database knows nothing of the key: it is its owner's, and who asks something else under it
  /// is mistaken.
  mutating func confirm(_ key: String, owner: RequestID, _ machine: ResidentMachine) {
    guard machine.keys[ExactText(key)]?.owner == owner else { return }
    assert(requests[owner] != nil, "a key is looked up for who is not answered")
    for id in machine.keys[ExactText(key)]?.confirm() ?? [] { tell(id, .keyReused) }
  }
}

extension ProgressorError {
  static let keyReused = ProgressorError.invalidArgument(
    field: "idempotency_key", "was used with another method or other arguments")
}
