import DequeModule
import MachineModel

/// Crowds of due machines: each namespace lets in as many as its processor and storage have under
/// way, so that one namespace's crowd is in nobody's way. The rest waits among the namespace's
/// timers; what these have no room for is read from the database in its turn.
struct Turns {
  /// Namespaces of which something may be due, or that look what to read: they are looked at in
  /// this turn. Each namespace with `hasTurns` is here, or in one of the next two.
  var namespaces: Deque<NamespaceState> = []
  /// Those that rest until a `Moment.uptime`.
  var resting = RankedHeap<NamespaceState, Int64, Void>()
  /// Those that wait until the database takes batches again.
  var held: Deque<NamespaceState> = []
  /// When the others have something to do next. Those that wait until a machine of theirs is done
  /// (`awaitsRoom`) are in none of them for that.
  var alarms = DueHeap<NamespaceNumber, NamespaceState>()
  /// Namespaces that wait for a read, now or not before a `Moment.uptime`; each with `wantsRead` is
  /// in one of them.
  var readers: Deque<NamespaceState> = []
  var laterReaders = RankedHeap<NamespaceState, Int64, Void>()
  /// The read that is under way, one at a time, and whose it is.
  var reading: (query: DueQuery, namespaces: [NamespaceState])?
  /// Timers of all namespaces in memory.
  var timerCount = 0

  /// When something may go on that only `Moment.uptime` holds up.
  var wakeAt: Int64? {
    // Nothing is read before the read that is under way is answered.
    let reads = reading == nil ? laterReaders.first : nil
    return [resting.first, reads].compactMap { $0 }.min()
  }
}

extension Engine {
  /// Whether the machine may do something by itself now; else it waits for its turn.
  mutating func letIn(_ machine: ResidentMachine, _ row: MachineRow) -> Bool {
    if machine.isActive { return true }
    let namespace = machine.namespace
    guard takesTurns(namespace), !namespace.timers.isDue(at: now.wall) else {
      // Behind those that wait already.
      place(machine.id, at: now.wall, machine.duePosition(row), namespace)
      becameIdle(machine)
      return false
    }
    becameActive(machine)
    return true
  }

  func becameActive(_ machine: ResidentMachine) {
    guard !machine.isActive else { return }
    machine.isActive = true
    machine.namespace.active += 1
  }

  /// The machine has nothing more to do by itself.
  mutating func becameInactive(_ machine: ResidentMachine) {
    guard machine.isActive else { return }
    machine.isActive = false
    let namespace = machine.namespace
    namespace.active -= 1
    if namespace.awaitsRoom { joinTurns(namespace) }
  }

  private func takesTurns(_ namespace: NamespaceState) -> Bool {
    hasRoom(namespace) && namespace.restsUntil <= now.uptime && !namespace.parks && !isDelayed
  }

  private func hasRoom(_ namespace: NamespaceState) -> Bool {
    namespace.active < namespace.activeLimit
  }

  private var isDelayed: Bool { slots.contains(where: \.isDelayed) }

  mutating func joinTurns(_ namespace: NamespaceState) {
    guard !namespace.hasTurns, !namespace.isGone else { return }
    namespace.hasTurns = true
    namespace.awaitsRoom = false
    turns.namespaces.append(namespace)
  }

  /// Some namespace is to be looked at, and may be.
  var hasTurnsToGive: Bool {
    !turns.namespaces.isEmpty && ownership.mayAct(at: now.uptime)
  }

  /// Lets in what is due, as far as there is room; finds out who reads what is due later.
  mutating func giveTurns() {
    guard ownership.mayAct(at: now.uptime) else { return }
    while let (_, namespace) = turns.alarms.popFirst(at: now.wall) { joinTurns(namespace) }
    while let (namespace, _) = turns.resting.popFirst(at: now.uptime) {
      turns.namespaces.append(namespace)
    }
    if !turns.held.isEmpty, !isDelayed {
      turns.namespaces.append(contentsOf: turns.held)
      turns.held = []
    }
    for _ in 0..<turns.namespaces.count {
      guard let namespace = turns.namespaces.popFirst() else { break }
      Visits.note(1)
      while takesTurns(namespace), let id = pop(namespace) { wakeUp(id) }
      wantRead(namespace)
      standBy(namespace)
    }
  }

  /// The namespace has had its turn. What is still due of it waits for what keeps it from the next
  /// one.
  private mutating func standBy(_ namespace: NamespaceState) {
    let isDue = namespace.timers.isDue(at: now.wall) && !namespace.parks && !namespace.isGone
    if isDue, namespace.restsUntil > now.uptime {
      turns.resting.set(namespace, at: namespace.restsUntil, ())
    } else if isDue, isDelayed {
      turns.held.append(namespace)
    } else if isDue, hasRoom(namespace) {
      // Something of it became due meanwhile.
      turns.namespaces.append(namespace)
    } else {
      namespace.hasTurns = false
      namespace.awaitsRoom = isDue
      setAlarm(namespace)
    }
  }
}

/// The timers of all namespaces together.
extension Engine {
  /// Timers that a namespace may have in memory: what it holds is never more than what it leaves
  /// free, so that none can take everything, and there is room for the next (as for requests).
  func timerCapacity(_ namespace: NamespaceState) -> Int {
    let others = turns.timerCount - namespace.timers.count
    return max(configuration.minimumTimers, (configuration.maximumTimers - others) / 2)
  }

  /// The machine is looked at then. `position` is where the database has it, nil = unknown.
  mutating func place(
    _ machine: MachineID, at time: Timestamp, _ position: DuePosition?, _ namespace: NamespaceState
  ) {
    if namespace.isGone { return }
    let (wall, capacity) = (now.wall, timerCapacity(namespace))
    change(namespace) { $0.set(machine, at: time, position, now: wall, capacity: capacity) }
    if time <= now.wall { joinTurns(namespace) } else { setAlarm(namespace) }
  }

  mutating func unplace(_ machine: MachineID, _ namespace: NamespaceState) {
    change(namespace) { $0.remove(machine) }
    setAlarm(namespace)
  }

  private mutating func pop(_ namespace: NamespaceState) -> MachineID? {
    let wall = now.wall
    return change(namespace) { $0.pop(at: wall) }
  }

  /// Everything of the namespace is found from its rows.
  mutating func rescan(_ namespace: NamespaceState) {
    change(namespace) { $0.rescan() }
    // Nothing that was read before says when to read.
    if turns.laterReaders.rank(of: namespace) != nil {
      turns.laterReaders.remove(namespace)
      turns.readers.append(namespace)
    }
    joinTurns(namespace)
  }

  /// There is no such namespace any more.
  mutating func dissolve(_ namespace: NamespaceState) {
    change(namespace) { $0.rescan() }
    turns.alarms.remove(namespace.number)
    namespace.isGone = true
  }

  /// Forgets the timers of machines that are none of this node's any more.
  mutating func forgetTimers(of lost: Set<ShardID>) {
    let ownership = ownership
    for namespace in namespaces.all {
      Visits.note(namespace.timers.count)
      change(namespace) {
        $0.removeAll { lost.contains(ownership.number(of: $0)) }
      }
    }
  }

  /// The one place where timers come and go.
  private mutating func change<Result>(
    _ namespace: NamespaceState, _ body: (inout NamespaceTimers) -> Result
  ) -> Result {
    let before = namespace.timers.count
    defer { turns.timerCount += namespace.timers.count - before }
    return body(&namespace.timers)
  }

  /// Sets the time when a namespace looks again by itself. One that is parked is told when to go
  /// on.
  private mutating func setAlarm(_ namespace: NamespaceState) {
    if namespace.hasTurns || namespace.isGone { return }
    var next = namespace.awaitsRoom ? nil : namespace.timers.nextDue
    if !namespace.wantsRead, let reads = readsAt(namespace) { next = min(next ?? reads, reads) }
    if let next, !namespace.parks {
      turns.alarms.set(namespace.number, at: next, namespace)
    } else {
      turns.alarms.remove(namespace.number)
    }
  }

  private func readsAt(_ namespace: NamespaceState) -> Timestamp? {
    namespace.timers.readsAt(
      now: now.wall, lookAhead: configuration.lookAhead, capacity: timerCapacity(namespace))
  }
}

/// Reading from the database what is due later, or has no room.
extension Engine {
  /// Queues the namespace for a read if it is time for one. What is parked is not read: nothing of
  /// it may run.
  private mutating func wantRead(_ namespace: NamespaceState) {
    guard !namespace.wantsRead, isTimeToRead(namespace) else { return }
    namespace.wantsRead = true
    turns.readers.append(namespace)
  }

  private func isTimeToRead(_ namespace: NamespaceState) -> Bool {
    guard !namespace.parks, !namespace.isGone else { return false }
    return readsAt(namespace).map { $0 <= now.wall } ?? false
  }

  /// Reads for all namespaces that wait for it, together: no more rows than a page has.
  mutating func readAhead() {
    guard ownership.mayAct(at: now.uptime), turns.reading == nil else { return }
    while let (namespace, _) = turns.laterReaders.popFirst(at: now.uptime) {
      turns.readers.append(namespace)
    }
    guard !turns.readers.isEmpty else { return }
    let number = nextNumber()
    var spans: [DueSpan] = []
    var read: [NamespaceState] = []
    var rest = configuration.lookAheadPage
    for place in (1...turns.readers.count).reversed() {
      guard rest > 0, let namespace = turns.readers.popFirst() else { break }
      Visits.note(1)
      guard isTimeToRead(namespace) else {
        namespace.wantsRead = false
        setAlarm(namespace)
        continue
      }
      if let time = namespace.timers.readsNotBefore, time > now.uptime {
        turns.laterReaders.set(namespace, at: time, ())
        continue
      }
      namespace.wantsRead = false
      let limit = min(max(1, rest / place), max(1, timerCapacity(namespace) / 2))
      rest -= limit
      let record = NamespaceRecord(number: namespace.number, namespace: namespace.settings)
      spans.append(
        namespace.timers.beginRead(
          number, of: record, now: now, lookAhead: configuration.lookAhead, limit: limit))
      read.append(namespace)
    }
    if spans.isEmpty { return }
    let query = DueQuery(number: number, spans: spans)
    turns.reading = (query, read)
    effects.append(.readDue(query))
  }

  /// A read was answered: a page or a failure for each of its spans.
  mutating func lookedAhead(_ query: DueQuery, _ pages: [Result<DuePage, ReadFailure>]) {
    guard let (reading, namespaces) = turns.reading, reading.number == query.number else { return }
    turns.reading = nil
    for (index, namespace) in namespaces.enumerated() where !namespace.isGone {
      let page = pages.indices.contains(index) ? try? pages[index].get() : nil
      if let (machines, from) = namespace.timers.endRead(query.number, page, now: now) {
        for due in machines { found(due, namespace) }
        namespace.timers.readEnded(from: from, now: now)
      }
      joinTurns(namespace)
    }
  }

  /// What memory knows of a machine is no older than what was read of it.
  private mutating func found(_ due: DueMachine, _ namespace: NamespaceState) {
    if let machine = machines[due.machine], !machine.isUnknown {
      schedule(machine)
    } else if !namespace.timers.holds(due.machine) {
      place(due.machine, at: due.position.due, due.position, namespace)
    }
  }
}
