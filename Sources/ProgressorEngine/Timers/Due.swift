import MachineModel

/// What machines do by themselves: timeouts and deliveries, when their time has come.
extension Engine {
  /// Puts the machine among its namespace's timers, at the time when it next has something to do
  /// that is not under way; or takes it out, when there is nothing or when the database will tell
  /// in time.
  mutating func schedule(_ machine: ResidentMachine) {
    guard !machine.isDropped, !machine.isUnknown else { return }
    let namespace = machine.namespace
    guard let row = machine.row, let due = nextUnqueued(machine, row) else {
      return unplace(machine.id, namespace)
    }
    let position = machine.duePosition(row)
    if due <= now.wall || position.map(namespace.timers.covers) ?? true {
      place(machine.id, at: due, position, namespace)
    } else {
      unplace(machine.id, namespace)
    }
  }

  /// The earliest time of what is not already in the mailbox or running.
  func nextUnqueued(_ machine: ResidentMachine, _ row: MachineRow) -> Timestamp? {
    if !row.runsByItself { return nil }
    var due: Timestamp?
    if !machine.timeoutQueued, let timer = row.timer { due = timer.due }
    if !machine.deliveryQueued, let delivery = deliveryDue(machine) {
      due = due.map { min($0, delivery) } ?? delivery
    }
    return due
  }

  private func deliveryDue(_ machine: ResidentMachine) -> Timestamp? {
    if let head = machine.notifications.head { return head.due(now) }
    return machine.notifications.needsLoad ? now.wall : nil
  }

  /// Puts what is due into the mailbox, in the order of its time; the rest into the heap.
  mutating func becomeDue(_ machine: ResidentMachine) {
    takeDue(machine)
    let isQueued = machine.timeoutQueued || machine.deliveryQueued
    if !isQueued || machine.standsAside { becameInactive(machine) }
  }

  private mutating func takeDue(_ machine: ResidentMachine) {
    guard let row = machine.row, row.runsByItself, !machine.isDropped else {
      return schedule(machine)
    }
    var items: [(Timestamp, Mailbox.Item)] = []
    if !machine.timeoutQueued, let timer = row.timer, timer.due <= now.wall {
      items.append((timer.due, .timeout))
    }
    if !machine.deliveryQueued, let due = deliveryDue(machine), due <= now.wall {
      items.append((due, .notification))
    }
    if !items.isEmpty, !ownership.isTrusted(at: now.uptime) { return rearm(machine) }
    // Behind a step that stands aside nothing begins: it takes nobody's place there.
    if !items.isEmpty, park(machine) || !(machine.standsAside || letIn(machine, row)) { return }
    items.sort { $0.0 < $1.0 }
    for (_, item) in items {
      if item == .timeout { machine.timeoutQueued = true } else { machine.deliveryQueued = true }
      machine.mailbox.append(item)
    }
    schedule(machine)
    agenda.add(machine)
  }

  /// Before what could not be had is tried again, in microseconds.
  static let shortPause: Int64 = 500_000

  /// Comes back to the machine in a while.
  mutating func rearm(_ machine: ResidentMachine, after pause: Int64 = Engine.shortPause) {
    clearFlags(machine)
    becameInactive(machine)
    if machine.row == nil, !machine.isUnknown {
      // There is no such machine.
      unplace(machine.id, machine.namespace)
    } else {
      lookAgain(machine, position: machine.row.flatMap { machine.duePosition($0) }, after: pause)
    }
    becameIdle(machine)
  }

  /// Looks at a machine again in a while. `position` is where the database has it, nil = unknown.
  mutating func lookAgain(
    _ machine: ResidentMachine, position: DuePosition?, after pause: Int64 = Engine.shortPause
  ) {
    place(machine.id, at: now.wall.advanced(byMicroseconds: pause), position, machine.namespace)
  }

  private func clearFlags(_ machine: ResidentMachine) {
    if machine.running?.item != .timeout, !machine.mailbox.contains(.timeout) {
      machine.timeoutQueued = false
    }
    if machine.running?.item != .notification, !machine.mailbox.contains(.notification) {
      machine.deliveryQueued = false
    }
  }

  /// Work of a namespace whose endpoint is down, or that is paused, waits outside of the mailbox.
  private mutating func park(_ machine: ResidentMachine) -> Bool {
    guard machine.namespace.parks else { return false }
    becameInactive(machine)
    schedule(machine)
    becameIdle(machine)
    return true
  }

  /// The endpoint cannot be reached: what a timeout or delivery found out costs no attempt.
  mutating func endpointIsDown(_ machine: ResidentMachine) {
    let namespace = machine.namespace
    if !namespace.isDown {
      namespace.isDown = true
      namespace.outages += 1
      effects.append(.awaitEndpoint(namespace.number))
    }
    count(.postponed, machine)
    end(machine)
  }

  mutating func endpointReady(_ number: NamespaceNumber) {
    guard let namespace = namespaces[number], namespace.isDown else { return }
    namespace.isDown = false
    namespace.restsUntil = now.uptime.saturatingAdd(namespace.pauseAfterOutage)
    unpark(namespace)
  }

  /// What waited for the endpoint, or for the end of a pause, takes its turns.
  mutating func unpark(_ namespace: NamespaceState) {
    if !namespace.parks { joinTurns(namespace) }
  }

  /// Looks whether the machine has something to do, reading it first when it is not in memory.
  mutating func wakeUp(_ id: MachineID) {
    guard let shard = ownership.shard(of: id), let namespace = namespaces[id.namespace] else {
      return
    }
    let machine = machine(id, shard, namespace)
    becameActive(machine)
    if machine.isUnknown {
      // Whoever loads it schedules it.
      guard machine.loadsInFlight == 0 else {
        machine.wantsWake = true
        return becameInactive(machine)
      }
      let load = LoadRequest(
        id: LoadID(nextNumber()), shard: shard.id, namespace: namespace.number, machine: id,
        row: true, notificationsAfter: 0)
      send(load, for: .wake(machine))
    } else {
      becomeDue(machine)
      becameIdle(machine)
    }
  }
}
