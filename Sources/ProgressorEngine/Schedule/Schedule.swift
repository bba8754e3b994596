import DequeModule
import MachineModel

/// What machines do by themselves, and when: from 'due' to 'let in' there is one way, and it leads
/// through here.
///
/// Each namespace lets in as many machines as its processor and storage have under way, so that one
/// namespace's crowd is in nobody's way. The rest waits among the namespace's timers; what these
/// have no room for is read from the database in its turn.
struct Schedule {
  /// What of the rest of the engine decides whether somebody has a turn.
  struct Circumstances {
    var now: Moment
    /// Shards are owned, and the lease is trusted.
    var mayAct: Bool
    /// The database takes no batches.
    var isDelayed: Bool
  }

  private let lookAhead: Int64
  private let page: Int
  private let part: ShardPart
  private let maximumTimers: Int
  private let minimumTimers: Int

  /// Namespaces of which something may be due, or that look what to read: they are looked at in
  /// this turn. Each that has turns is here, or in one of the next two.
  private var turns: Deque<NamespaceState> = []
  /// How many of them are still looked at in this round.
  private var round = 0
  /// Those that rest until a `Moment.uptime`.
  private var resting = RankedHeap<NamespaceState, Int64, Void>()
  /// Those that wait until the database takes batches again.
  private var held: Deque<NamespaceState> = []
  /// When the others have something to do next. Those that wait until a machine of theirs is done
  /// are in none of them for that.
  private var alarms = DueHeap<NamespaceState, Void>()
  private var reads = ReadQueue()
  /// Timers of all namespaces in memory.
  private(set) var timerCount = 0

  init(_ configuration: EngineConfiguration) {
    lookAhead = configuration.lookAhead
    page = configuration.lookAheadPage
    part = configuration.part
    maximumTimers = configuration.maximumTimers
    minimumTimers = configuration.minimumTimers
  }
}

/// What the schedule keeps of one namespace.
struct NamespaceSchedule {
  /// Machines that become due soon, or are due and wait for their turn, for the endpoint, or for
  /// the end of a pause.
  fileprivate(set) var timers = NamespaceTimers()
  /// Machines that do something by themselves just now.
  fileprivate(set) var active = 0
  /// It stands among the turns.
  fileprivate(set) var hasTurns = false
  /// Something of it is due and waits until one of its machines has nothing more to do by itself.
  fileprivate(set) var awaitsRoom = false
  /// It waits for a read.
  fileprivate(set) var wantsRead = false
  /// Nothing is let in before this `Moment.uptime`.
  fileprivate var restsUntil = Int64.min

  /// Whether nothing is let in at this `Moment.uptime`.
  func rests(at uptime: Int64) -> Bool { restsUntil > uptime }
  func isDue(at wall: Timestamp) -> Bool { timers.isDue(at: wall) }
  func holds(_ machine: MachineID) -> Bool { timers.holds(machine) }
  func covers(_ position: DuePosition) -> Bool { timers.covers(position) }
}

/// Machines that do something by themselves.
extension Schedule {
  /// Whether the machine may do something by itself now; else it waits for its turn, behind those
  /// that wait already.
  mutating func letIn(
    _ machine: ResidentMachine, _ row: MachineRow, _ circumstances: Circumstances
  ) -> Bool {
    if machine.isActive { return true }
    let (namespace, now) = (machine.namespace, circumstances.now)
    guard takesTurns(namespace, circumstances), !namespace.schedule.timers.isDue(at: now.wall)
    else {
      place(machine.id, at: now.wall, machine.duePosition(row), namespace, now)
      return false
    }
    enter(machine)
    assert(namespace.schedule.active <= namespace.activeLimit, "no more are let in than may be")
    return true
  }

  /// The machine counts against its namespace's limit.
  mutating func enter(_ machine: ResidentMachine) {
    guard !machine.isActive else { return }
    assert(!machine.isDropped, "only a machine in memory does something by itself")
    machine.setActive(true)
    machine.namespace.schedule.active += 1
  }

  /// The machine has nothing more to do by itself.
  mutating func leave(_ machine: ResidentMachine) {
    guard machine.isActive else { return }
    machine.setActive(false)
    machine.namespace.schedule.active -= 1
    assert(machine.namespace.schedule.active >= 0, "more machines left than were let in")
    if machine.namespace.schedule.awaitsRoom { join(machine.namespace) }
  }

  private func takesTurns(_ namespace: NamespaceState, _ circumstances: Circumstances) -> Bool {
    hasRoom(namespace) && namespace.schedule.restsUntil <= circumstances.now.uptime
      && !namespace.parks && !circumstances.isDelayed
  }

  private func hasRoom(_ namespace: NamespaceState) -> Bool {
    namespace.schedule.active < namespace.activeLimit
  }
}

/// Turns.
extension Schedule {
  /// Something of the namespace may be due.
  mutating func join(_ namespace: NamespaceState) {
    guard !namespace.schedule.hasTurns, !namespace.isGone else { return }
    assert(resting.rank(of: namespace) == nil, "who rests has turns")
    namespace.schedule.hasTurns = true
    namespace.schedule.awaitsRoom = false
    turns.append(namespace)
  }

  /// Nothing of the namespace is let in before this `Moment.uptime`.
  func rest(_ namespace: NamespaceState, until uptime: Int64) {
    namespace.schedule.restsUntil = uptime
  }

  /// Nothing of the namespace is let in for a while, after its endpoint was down.
  func isResting(_ namespace: NamespaceState, at uptime: Int64) -> Bool {
    namespace.schedule.restsUntil > uptime
  }

  /// Some namespace is to be looked at, and may be.
  func hasTurns(_ circumstances: Circumstances) -> Bool {
    !turns.isEmpty && circumstances.mayAct
  }

  /// Every namespace that has a turn now is looked at, once, by `next`.
  mutating func beginRound(_ circumstances: Circumstances) {
    assert(round == 0, "the round before was ended")
    guard circumstances.mayAct else { return }
    while let (namespace, _) = alarms.popFirst(at: circumstances.now.wall) { join(namespace) }
    while let (namespace, _) = resting.popFirst(at: circumstances.now.uptime) {
      turns.append(namespace)
    }
    if !held.isEmpty, !circumstances.isDelayed {
      turns.append(contentsOf: held)
      held = []
    }
    round = turns.count
  }

  /// The next machine that is due and has its turn; nil = the round is over.
  mutating func next(_ circumstances: Circumstances) -> MachineID? {
    assert(round <= turns.count, "a round is of those that have turns")
    while round > 0, let namespace = turns.first {
      Visits.note(1)
      if takesTurns(namespace, circumstances), let machine = pop(namespace, circumstances.now) {
        return machine
      }
      round -= 1
      turns.removeFirst()
      wantRead(namespace, circumstances.now)
      standBy(namespace, circumstances)
    }
    round = 0
    return nil
  }

  /// The namespace has had its turn. What is still due of it waits for what keeps it from the next
  /// one.
  private mutating func standBy(_ namespace: NamespaceState, _ circumstances: Circumstances) {
    assert(namespace.schedule.hasTurns, "who had a turn stood among the turns")
    let now = circumstances.now
    let isDue =
      namespace.schedule.timers.isDue(at: now.wall) && !namespace.parks && !namespace.isGone
    if isDue, namespace.schedule.restsUntil > now.uptime {
      resting.set(namespace, at: namespace.schedule.restsUntil, ())
    } else if isDue, circumstances.isDelayed {
      held.append(namespace)
    } else if isDue, hasRoom(namespace) {
      // Something of it became due meanwhile.
      turns.append(namespace)
    } else {
      namespace.schedule.hasTurns = false
      namespace.schedule.awaitsRoom = isDue
      setAlarm(namespace, now)
    }
  }
}

/// The timers of all namespaces together.
extension Schedule {
  /// Timers that a namespace may have in memory: what it holds is never more than what it leaves
  /// free, so that none can take everything, and there is room for the next (as for requests).
  func timerCapacity(_ namespace: NamespaceState) -> Int {
    let others = timerCount - namespace.schedule.timers.count
    return max(minimumTimers, (maximumTimers - others) / 2)
  }

  /// The machine is looked at then. `position` is where the database has it, nil = unknown.
  mutating func place(
    _ machine: MachineID, at time: Timestamp, _ position: DuePosition?,
    _ namespace: NamespaceState, _ now: Moment
  ) {
    // Its machines may still have a step to end.
    if namespace.isGone { return }
    let capacity = timerCapacity(namespace)
    change(namespace) { $0.set(machine, at: time, position, now: now.wall, capacity: capacity) }
    assert(isFound(machine, position, namespace), "what has no room is read again")
    if time <= now.wall { join(namespace) } else { setAlarm(namespace, now) }
  }

  private func isFound(
    _ machine: MachineID, _ position: DuePosition?, _ namespace: NamespaceState
  ) -> Bool {
    let timers = namespace.schedule.timers
    return timers.holds(machine) || position.map { !timers.covered.covers($0) } ?? true
  }

  mutating func remove(_ machine: MachineID, _ namespace: NamespaceState, _ now: Moment) {
    change(namespace) { $0.remove(machine) }
    assert(!namespace.schedule.timers.holds(machine), "a timer that was taken out is nowhere")
    setAlarm(namespace, now)
  }

  private mutating func pop(_ namespace: NamespaceState, _ now: Moment) -> MachineID? {
    change(namespace) { $0.pop(at: now.wall) }
  }

  /// Everything of the namespace is found from its rows.
  mutating func rescan(_ namespace: NamespaceState) {
    change(namespace) { $0.rescan() }
    assert(namespace.schedule.timers.count == 0, "what begins anew has no timers")
    reads.hasten(namespace)
    join(namespace)
  }

  /// There is no such namespace any more.
  mutating func dissolve(_ namespace: NamespaceState) {
    change(namespace) { $0.rescan() }
    assert(namespace.schedule.timers.count == 0, "what is gone has no timers")
    alarms.remove(namespace)
    namespace.dissolved()
  }

  /// Forgets timers of a namespace, those of machines that are none of this node's any more.
  mutating func forget(_ namespace: NamespaceState, where condition: (MachineID) -> Bool) {
    Visits.note(namespace.schedule.timers.count)
    change(namespace) { $0.removeAll(where: condition) }
  }

  /// The one place where timers come and go.
  private mutating func change<Result>(
    _ namespace: NamespaceState, _ body: (inout NamespaceTimers) -> Result
  ) -> Result {
    let before = namespace.schedule.timers.count
    defer {
      timerCount += namespace.schedule.timers.count - before
      assert(timerCount >= namespace.schedule.timers.count, "the timers of all are no fewer")
    }
    return body(&namespace.schedule.timers)
  }

  /// Sets the time when a namespace looks again by itself. One that is parked is told when to go
  /// on.
  private mutating func setAlarm(_ namespace: NamespaceState, _ now: Moment) {
    let state = namespace.schedule
    if state.hasTurns || namespace.isGone { return }
    assert(!state.awaitsRoom || state.active > 0, "who waits for room has somebody who leaves")
    var next = state.awaitsRoom ? nil : state.timers.nextDue
    if !state.wantsRead, let reads = readsAt(namespace, now) { next = min(next ?? reads, reads) }
    if let next, !namespace.parks {
      alarms.set(namespace, at: next, ())
    } else {
      alarms.remove(namespace)
    }
  }

  /// When something of all this is to be looked at again, on `Moment.uptime`.
  func wakeAt(_ circumstances: Circumstances) -> Int64? {
    // Without shards and a trusted lease nothing begins; both come as inputs of their own.
    guard circumstances.mayAct else { return nil }
    let now = circumstances.now
    if !turns.isEmpty { return now.uptime }
    let alarm = alarms.first.map(now.uptime(of:))
    return [alarm, resting.first, reads.wakeAt].compactMap { $0 }.min()
  }
}

/// Reading from the database what is due later, or has no room.
extension Schedule {
  private func readsAt(_ namespace: NamespaceState, _ now: Moment) -> Timestamp? {
    namespace.schedule.timers.readsAt(
      now: now.wall, lookAhead: lookAhead, capacity: timerCapacity(namespace))
  }

  private func isTimeToRead(_ namespace: NamespaceState, _ now: Moment) -> Bool {
    guard !namespace.parks, !namespace.isGone else { return false }
    return readsAt(namespace, now).map { $0 <= now.wall } ?? false
  }

  /// Queues the namespace for a read if it is time for one. What is parked is not read: nothing of
  /// it may run.
  private mutating func wantRead(_ namespace: NamespaceState, _ now: Moment) {
    guard !namespace.schedule.wantsRead, isTimeToRead(namespace, now) else { return }
    assert(!namespace.schedule.timers.isReading, "nobody waits for a second read at once")
    namespace.schedule.wantsRead = true
    reads.append(namespace)
  }

  /// What to read now for all namespaces that wait for it, together: no more rows than a page has.
  /// It ends with `takeRead`.
  mutating func beginRead(_ circumstances: Circumstances, number: () -> UInt64) -> DueQuery? {
    let now = circumstances.now
    guard circumstances.mayAct, reads.mayBegin(at: now.uptime) else { return nil }
    let number = number()
    var spans: [DueSpan] = []
    var read: [NamespaceState] = []
    var rest = page
    for place in (1...reads.count).reversed() {
      guard rest > 0, let namespace = reads.popFirst() else { break }
      Visits.note(1)
      guard isTimeToRead(namespace, now) else {
        namespace.schedule.wantsRead = false
        setAlarm(namespace, now)
        continue
      }
      if let time = namespace.schedule.timers.readsNotBefore, time > now.uptime {
        reads.append(namespace, at: time)
        continue
      }
      namespace.schedule.wantsRead = false
      let limit = min(max(1, rest / place), max(1, timerCapacity(namespace) / 2))
      rest -= limit
      assert(rest >= 0, "no more rows are read than a page has")
      let record = NamespaceRecord(number: namespace.number, namespace: namespace.settings)
      spans.append(
        namespace.schedule.timers.beginRead(
          number, of: record, now: now, lookAhead: lookAhead, limit: limit))
      read.append(namespace)
    }
    if spans.isEmpty { return nil }
    let query = DueQuery(number: number, part: part, spans: spans)
    reads.begin(query, read)
    return query
  }

  /// A read was answered: a page or a failure for each of its spans. Each machine is to be put in
  /// at once; then `endRead` is called for its namespace.
  mutating func takeRead(
    _ query: DueQuery, _ pages: [Result<DuePage, ReadFailure>], _ now: Moment
  ) -> [(namespace: NamespaceState, machines: [DueMachine], from: DueCut)] {
    var found: [(namespace: NamespaceState, machines: [DueMachine], from: DueCut)] = []
    let read = reads.end(query)
    assert(read.isEmpty || read.count == pages.count, "each part that was read has its page")
    for (index, namespace) in read.enumerated() where !namespace.isGone {
      let page = pages.indices.contains(index) ? try? pages[index].get() : nil
      if let (machines, from) = namespace.schedule.timers.endRead(query.number, page) {
        found.append((namespace, machines, from))
      } else {
        join(namespace)
      }
    }
    return found
  }

  mutating func endRead(_ namespace: NamespaceState, from cut: DueCut, _ now: Moment) {
    assert(!namespace.isGone, "a namespace that is gone is not read")
    namespace.schedule.timers.readEnded(from: cut, now: now)
    join(namespace)
  }
}

extension Schedule {
  /// What contradicts itself; nil = nothing.
  func inconsistency(_ known: some Collection<NamespaceState>) -> String? {
    let timers = known.reduce(0) { $0 + $1.schedule.timers.count }
    if timerCount != timers { return "\(timerCount) timers are counted, not \(timers)" }
    let inTurns = turns.count + resting.count + held.count
    if inTurns < known.count(where: \.schedule.hasTurns) {
      return "\(inTurns) namespaces stand among turns"
    }
    if reads.waitingCount < known.count(where: \.schedule.wantsRead) {
      return "\(reads.waitingCount) namespaces wait for a read"
    }
    return round == 0 ? nil : "a round of turns was not ended"
  }
}
