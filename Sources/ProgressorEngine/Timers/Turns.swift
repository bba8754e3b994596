import DequeModule
import MachineModel

/// Crowds of due machines: each namespace lets in as many as its processor and storage have under way,
/// so that one namespace's crowd is in nobody's way. The rest waits for its turn in a queue of the
/// namespace; what the queue does not hold is read again from the database.
struct Turns {
  /// Namespaces with machines that wait, or with a backlog in the database; each once.
  var namespaces: Deque<NamespaceState> = []
  /// The read of a backlog that is under way, and whose it is. One at a time.
  var reading: (query: DueQuery, namespace: NamespaceState)?
  /// The next read is not before this `Moment.uptime`, after one that failed.
  var readAt: Int64?

  /// The latest time of day that there was: up to then machines were found due. The clock may have been
  /// set back since, and what is in a backlog is in nothing else.
  var latestWall = Timestamp.earliest

  /// When something may go on that only time holds up.
  func wakeAt(after uptime: Int64) -> Int64? {
    var next = readAt
    for namespace in namespaces where namespace.restsUntil > uptime {
      next = min(next ?? .max, namespace.restsUntil)
    }
    return next
  }
}

extension NamespaceState {
  /// Work of a namespace whose endpoint is down, or that is paused, waits outside of the mailbox;
  /// false = it is neither.
  func park(_ machine: MachineID) -> Bool {
    guard parks else { return false }
    if parked.count < NamespaceState.maximumParked {
      parked.insert(machine)
    } else {
      hasBacklog = true
      missesSome = true
    }
    return true
  }
}

extension Engine {
  /// Whether the machine may do something by itself now; else it waits for its turn.
  mutating func letIn(_ machine: ResidentMachine) -> Bool {
    if machine.isActive { return true }
    guard takesTurns(machine.namespace), machine.namespace.due.isEmpty else {
      awaitTurn(machine.id, machine.namespace)
      becameIdle(machine)
      return false
    }
    becameActive(machine)
    return true
  }

  /// The machine's time has come: it is let in at once, or waits for its turn.
  mutating func takeTurn(_ id: MachineID, _ namespace: NamespaceState) {
    let isIn = machines[id]?.isActive ?? false
    if isIn || (takesTurns(namespace) && namespace.due.isEmpty) {
      wakeUp(id)
    } else {
      awaitTurn(id, namespace)
    }
  }

  func becameActive(_ machine: ResidentMachine) {
    guard !machine.isActive else { return }
    machine.isActive = true
    machine.namespace.active += 1
  }

  /// The machine has nothing more to do by itself.
  func becameInactive(_ machine: ResidentMachine) {
    guard machine.isActive else { return }
    machine.isActive = false
    machine.namespace.active -= 1
  }

  private func takesTurns(_ namespace: NamespaceState) -> Bool {
    namespace.active < namespace.activeLimit && namespace.restsUntil <= now.uptime
      && !namespace.parks && !slots.contains(where: \.isDelayed)
  }

  /// Puts a machine into the queue of its namespace.
  mutating func awaitTurn(_ id: MachineID, _ namespace: NamespaceState) {
    if namespace.due.count < configuration.maximumDue {
      namespace.due.append(id)
    } else {
      namespace.hasBacklog = true
      namespace.missesSome = true
    }
    joinTurns(namespace)
  }

  mutating func joinTurns(_ namespace: NamespaceState) {
    guard !namespace.hasTurns else { return }
    namespace.hasTurns = true
    turns.namespaces.append(namespace)
  }

  /// Lets in what waits, as far as there is room; begins to read a backlog.
  mutating func giveTurns() {
    if let at = turns.readAt, at <= now.uptime { turns.readAt = nil }
    for _ in 0..<turns.namespaces.count {
      guard let namespace = turns.namespaces.popFirst() else { break }
      while takesTurns(namespace), let id = namespace.due.popFirst() { wakeUp(id) }
      readBacklog(namespace)
      if namespace.due.isEmpty, !namespace.hasBacklog {
        namespace.hasTurns = false
      } else {
        turns.namespaces.append(namespace)
      }
    }
  }

  private mutating func readBacklog(_ namespace: NamespaceState) {
    guard namespace.hasBacklog, !namespace.parks, turns.reading == nil,
      namespace.due.count <= configuration.maximumDue / 2, turns.readAt == nil
    else { return }
    if namespace.backlogPosition == nil {
      namespace.hasBacklog = false
      namespace.missesSome = false
    }
    let query = DueQuery(
      after: namespace.backlogPosition, until: turns.latestWall, limit: configuration.lookAheadPage,
      namespace: namespace.number)
    turns.reading = (query, namespace)
    effects.append(.readDue(query))
  }

  /// Takes a page of a backlog in; false = it is none.
  mutating func readBacklog(_ query: DueQuery, _ page: [DueMachine]?) -> Bool {
    guard let (reading, namespace) = turns.reading, reading == query else { return false }
    turns.reading = nil
    defer { if namespace.hasBacklog { joinTurns(namespace) } }
    guard let page else {
      namespace.hasBacklog = true
      turns.readAt = now.uptime + 1_000_000
      return true
    }
    namespace.backlogPosition = page.count < query.limit ? nil : page.last?.position
    namespace.hasBacklog = namespace.backlogPosition != nil || namespace.missesSome
    for due in page {
      if namespace.due.count >= configuration.maximumDue {
        // From the beginning again, once half of the queue had its turn.
        namespace.hasBacklog = true
        namespace.backlogPosition = nil
        break
      }
      awaitTurn(due.machine, namespace)
    }
    return true
  }
}
