import MachineModel

/// What happens to machines when shards, or namespaces, come and go.
extension Engine {
  mutating func acquire(_ grants: [ShardGrant]) {
    for grant in grants where ownership.isNew(grant) {
      assert(configuration.part.contains(grant.shard), "a shard is another core's")
      if ownership.holds(grant.shard) { lose([grant.shard]) }
      ownership.acquire(grant)
    }
    for namespace in namespaces.inOrder { schedule.rescan(namespace) }
    messages.rescan(now)
  }

  mutating func lose(_ lost: Set<ShardID>) {
    let gone = ownership.lose(lost)
    let ownership = ownership
    for namespace in namespaces.all {
      schedule.forget(namespace) { lost.contains(ownership.number(of: $0)) }
    }
    messages.lose(lost)
    deliveries = deliveries.filter { !lost.contains($0.value.shard) }
    messageLoads = messageLoads.mapValues { $0.filter { !lost.contains($0.shard) } }
    damagePauses.forget { lost.contains(ownership.number(of: $0)) }
    Visits.note(gone.count)
    for machine in gone { detach(machine) }
    tell(gone.flatMap(\.requests), .notOwner)
    for wait in waits.lose(lost) { effects.append(.reply(wait, .error(.notOwnerUnseen))) }
    assert(
      gone.allSatisfy { $0.isDropped && $0.requests.isEmpty }, "nobody waits for what is gone")
  }

  private mutating func tell(_ requests: some Sequence<RequestID>, _ error: ProgressorError) {
    for id in requests.sorted(by: { $0.number < $1.number }) {
      Visits.note(1)
      tell(id, error)
    }
  }

  /// Lets go of one machine whose memory cannot be trusted; it is read again when it is needed.
  mutating func drop(
    _ machine: ResidentMachine, _ error: ProgressorError, pause: Int64 = Engine.shortPause
  ) {
    // Several may find that out in one turn.
    guard !machine.isDropped else { return }
    detach(machine)
    tell(machine.requests, error)
    waits.forgotten(machine)
    assert(machine.requests.isEmpty && machine.running == nil, "nobody waits for what is gone")
    // Whatever it had to do by itself is found again from its row.
    if ownership.holds(machine.shard) { lookAgain(machine, position: nil, after: pause) }
  }

  /// Takes a machine out of everything that refers to it.
  private mutating func detach(_ machine: ResidentMachine) {
    forget(machine)
    writers[machine.shard].abandon(machine)
    abandonMessages(machine)
    if let step = machine.running {
      machine.stepEnded()
      assert(calls.contains(step.id) == (step.asking != nil), "a step with a call is asking")
      if step.asking != nil {
        calls.ended(step.id)
        machine.namespace.gate.invocationEnded()
      }
      leaveGate(step, machine)
    }
    ready.add(machine.namespace)
  }

  mutating func namespacesChanged(_ records: [NamespaceRecord]) {
    for gone in namespaces.replace(with: records) { dissolve(gone) }
    for namespace in namespaces.inOrder {
      assert(!namespace.isGone, "what there is was not dissolved")
      lendPermits(namespace)
      if namespace.settings.pause != nil {
        turnAway(namespace)
      } else {
        answerQuietWaiters(namespace)
        unpark(namespace)
        ready.add(namespace)
      }
    }
  }

  /// The namespace was deleted, so it has no machines: whoever waits to begin one hears that. What
  /// runs ends as it comes to its next station.
  private mutating func dissolve(_ gone: NamespaceState) {
    schedule.dissolve(gone)
    let error = ProgressorError.namespaceNotFound(gone.settings.name)
    turnAway(gone, error)
    assert(gone.gate.waitingCount == 0, "nobody waits at the gate of what is gone")
    answerQuietWaiters(gone, .error(error))
  }

  /// The machine is of a namespace that is gone, and another one has its name now: what was asked
  /// of the one is nothing to the other.
  mutating func disown(_ machine: ResidentMachine) {
    assert(machine.namespace.isGone, "only what was of a namespace that is gone is disowned")
    // What is on its way to the database may be written: who waits for it hears no denial.
    if machine.isCommitting, let id = machine.running?.requestID { tell(id, .storageUnavailable) }
    tell(machine.requests.filter { requests[$0]?.isEnqueued ?? false }, .storageUnavailable)
    drop(machine, .namespaceNotFound(machine.id.namespace))
  }
}
