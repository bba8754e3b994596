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
    guard let pending = machine.keys[key.key] else {
      assert(!machine.isDropped, "a key is taken at a machine in memory")
      machine.keys.take(key.key, key.fingerprint, for: request.id)
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
    machine.keys.wait(request.id, on: key.key, key.fingerprint)
    register(request, work, machine, in: machine.namespace, key)
    return false
  }

  /// The request that held a key ended: OK is everybody's reply; after an error the next one tries.
  mutating func settle(
    _ key: String, owner: RequestID, _ reply: Reply, _ machine: ResidentMachine
  ) {
    // Who only waited on it, or lost it meanwhile, changes nothing.
    guard machine.keys[key]?.owner == owner else { return }
    if StoredReply(reply) != nil {
      guard let pending = machine.keys.free(key) else {
        return assertionFailure("a key that has an owner is taken")
      }
      for waiter in pending.allWaiters {
        assert(requests[waiter] != nil, "who waits on a key has not ended")
        guard let request = take(waiter) else { continue }
        let isRepeat = request.key?.fingerprint == pending.fingerprint
        effects.append(.reply(waiter, isRepeat ? reply : .error(.keyReused)))
      }
    } else if let next = machine.keys.handOver(key) {
      enter(next, machine)
    }
  }

  /// The database knows nothing of the key: it is its owner's, and who asks something else under it
  /// is mistaken.
  mutating func confirm(_ key: String, owner: RequestID, _ machine: ResidentMachine) {
    // It may have lost the key while that was looked up.
    guard machine.keys[key]?.owner == owner else { return }
    assert(requests[owner] != nil, "a key is looked up for who is not answered")
    for id in machine.keys.confirm(key) { tell(id, .keyReused) }
  }
}

extension ProgressorError {
  static let keyReused = ProgressorError.invalidArgument(
    field: "idempotency_key", "was used with another method or other arguments")
}
