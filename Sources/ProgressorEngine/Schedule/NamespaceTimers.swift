import MachineModel

/// Of the machines of one namespace that become due, those that are in memory, and what to read
/// next.
///
/// Every machine whose row says that it is due below the cut `covered` is here, or is under way;
/// what lies beyond is read from the database in time. There is room for so many: when it is used
/// up, the farthest leave, and the cut comes down to them, so that they are read again. So a near
/// timer always finds its place, and nothing is let go of that is not found again.
struct NamespaceTimers {
  /// Where the database has each machine; nil = that is not known here.
  private var heap = DueHeap<MachineID, DuePosition?>()
  private(set) var covered = DueCut.start
  /// The part that is being read, and the lowest place that something had that left meanwhile.
  private var reading: (query: UInt64, span: DueSpan, ceiling: DueCut?)?
  /// The next read is not before this `Moment.uptime`, after one that brought nothing.
  private(set) var readsNotBefore: Int64?

  /// So early before the end of what is covered it is read on though there is little room: what is
  /// nearer takes the place of what is farther.
  static let margin: Int64 = 2_000_000
  /// Between two reads of which the first brought nothing, in microseconds.
  static let pause: Int64 = 1_000_000

  var count: Int { heap.count }
  var nextDue: Timestamp? { heap.first }
  var isReading: Bool { reading != nil }

  func isDue(at wall: Timestamp) -> Bool { heap.first.map { $0 <= wall } ?? false }
  func count(dueAt wall: Timestamp) -> Int { heap.count(upTo: wall) }
  func holds(_ machine: MachineID) -> Bool { heap.rank(of: machine) != nil }

  /// More is due than there is room for.
  func hasBacklog(at wall: Timestamp, capacity: Int) -> Bool {
    heap.count > capacity / 2 && covered.time.map { $0 < wall } ?? true
  }

  /// Whether a machine with this place belongs here now: what is being read may lack it.
  func covers(_ position: DuePosition) -> Bool {
    covered.covers(position) || (reading.map { position.due <= $0.span.until } ?? false)
  }

  /// Puts a machine in, to be looked at then. One that waits already, since it was due before,
  /// keeps its place.
  mutating func set(
    _ machine: MachineID, at time: Timestamp, _ position: DuePosition?, now: Timestamp,
    capacity: Int
  ) {
    if time <= now, let known = heap.rank(of: machine), known <= now {
      heap.revalue(machine, position)
    } else {
      heap.set(machine, at: time, position)
      fit(capacity)
      assert(heap.count <= max(0, capacity), "whoever has no room has left")
    }
  }

  mutating func remove(_ machine: MachineID) { heap.remove(machine) }

  /// The machine that is due first.
  mutating func pop(at wall: Timestamp) -> MachineID? { heap.popFirst(at: wall)?.key }

  /// Begins anew: everything that is due is found from its row.
  mutating func rescan() {
    heap = DueHeap()
    covered = .start
    reading = nil
    readsNotBefore = nil
    assert(nextDue == nil && !isReading, "nothing of what was known is kept")
  }

  mutating func removeAll(where condition: (MachineID) -> Bool) {
    heap.removeAll { machine, _ in condition(machine) }
  }

  /// Lets the farthest go that have no room.
  private mutating func fit(_ capacity: Int) {
    while heap.count > capacity, let (_, position) = heap.popLast() {
      let cut = position.map(DueCut.before) ?? .start
      covered = min(covered, cut)
      assert(covered <= cut, "what has left lies beyond the cut, and is read again")
      if let ceiling = reading?.ceiling {
        reading?.ceiling = min(ceiling, cut)
      } else {
        reading?.ceiling = cut
      }
    }
  }
}

/// What to read, and when.
extension NamespaceTimers {
  /// When to read on; nil = not before something else happens. `lookAhead` in microseconds.
  func readsAt(now: Timestamp, lookAhead: Int64, capacity: Int) -> Timestamp? {
    if reading != nil { return nil }
    guard let covered = covered.time else { return now }
    let renewal = covered.advanced(byMicroseconds: -lookAhead / 2)
    if heap.count <= capacity / 2 { return renewal }
    // What is here and due later than the end of what is covered is in the way of what is nearer.
    guard let last = heap.last, last > covered, last > now else { return nil }
    return max(renewal, covered.advanced(byMicroseconds: -NamespaceTimers.margin))
  }

  /// The part to be read now.
  mutating func beginRead(
    _ query: UInt64, of record: NamespaceRecord, now: Moment, lookAhead: Int64, limit: Int
  ) -> DueSpan {
    assert(reading == nil, "one read of a namespace at a time")
    let span = DueSpan(
      namespace: record.number, name: record.namespace.name, from: covered,
      until: now.wall.advanced(byMicroseconds: lookAhead), limit: Int32(clamping: limit))
    reading = (query, span, nil)
    readsNotBefore = nil
    return span
  }

  /// A read was answered, nil = it brought nothing. The machines are those that are covered by it:
  /// each is to be put in at once, and then `readEnded` called. Nil = it is not the present read's
  /// answer.
  mutating func endRead(
    _ query: UInt64, _ page: DuePage?, now: Moment
  ) -> (machines: [DueMachine], from: DueCut)? {
    guard let (number, span, ceiling) = reading, number == query else { return nil }
    reading = nil
    guard let page else { return ([], covered) }
    let covered = min(page.reached, ceiling ?? page.reached)
    assert(ceiling.map { covered <= $0 } ?? true, "what left during the read is not covered by it")
    self.covered = covered
    return (page.machines.filter { covered.covers($0.position) }, span.from)
  }

  /// A read that made no step is not repeated at once: the database was away, or what has all the
  /// room has its places in the database before those of what is nearer.
  mutating func readEnded(from cut: DueCut, now: Moment) {
    assert(reading == nil, "what was found is put in before another read")
    if covered <= cut { readsNotBefore = now.uptime.saturatingAdd(NamespaceTimers.pause) }
  }
}
