import MachineModel

/// Machines of one namespace that become due.
typealias NamespaceTimers = TimerWindow<MachineID, DuePosition>

/// Of the things that become due, machines or messages, those that are in memory, and what to read
/// next.
///
/// Each of which a row says that it is due below the cut `covered` is here, or is under way; what
/// lies beyond is read from the database in time. There is room for so many: when it is used up,
/// the farthest leave, and the cut comes down to them, so that they are read again. So a near timer
/// always finds its place, and nothing is let go of that is not found again.
struct TimerWindow<Key: Hashable, Place: DuePlace> {
  /// Where the database has each; nil = that is not known here.
  private var heap = DueHeap<Key, Place?>()
  private(set) var covered = Cut<Place>.start
  /// The part that is being read, and the lowest place that something had that left meanwhile.
  private var reading: (query: UInt64, from: Cut<Place>, until: Timestamp, ceiling: Cut<Place>?)?
  /// The next read is not before this `Moment.uptime`, after one that brought nothing.
  private(set) var readsNotBefore: Int64?

  /// So early before the end of what is covered it is read on though there is little room: what is
  /// nearer takes the place of what is farther.
  static var margin: Int64 { 2_000_000 }
  /// Between two reads of which the first brought nothing, in microseconds.
  static var pause: Int64 { 1_000_000 }

  var count: Int { heap.count }
  var nextDue: Timestamp? { heap.first }
  var isReading: Bool { reading != nil }

  func isDue(at wall: Timestamp) -> Bool { heap.first.map { $0 <= wall } ?? false }
  func count(dueAt wall: Timestamp) -> Int { heap.count(upTo: wall) }
  func holds(_ key: Key) -> Bool { heap.rank(of: key) != nil }

  /// More is due than there is room for.
  func hasBacklog(at wall: Timestamp, capacity: Int) -> Bool {
    heap.count > capacity / 2 && covered.time.map { $0 < wall } ?? true
  }

  /// Whether what has this place belongs here now: what is being read may lack it.
  func covers(_ place: Place) -> Bool {
    covered.covers(place) || (reading.map { place.due <= $0.until } ?? false)
  }

  /// Puts something in, to be looked at then. What waits already, since it was due before, keeps
  /// its place.
  mutating func set(
    _ key: Key, at time: Timestamp, _ place: Place?, now: Timestamp, capacity: Int
  ) {
    if time <= now, let known = heap.rank(of: key), known <= now {
      heap.revalue(key, place)
    } else {
      heap.set(key, at: time, place)
      fit(capacity)
      assert(heap.count <= max(0, capacity), "whoever has no room has left")
    }
  }

  mutating func remove(_ key: Key) { heap.remove(key) }

  /// What is due first.
  mutating func pop(at wall: Timestamp) -> Key? { heap.popFirst(at: wall)?.key }

  /// Begins anew: everything that is due is found from its row.
  mutating func rescan() {
    heap = DueHeap()
    covered = .start
    reading = nil
    readsNotBefore = nil
    assert(nextDue == nil && !isReading, "nothing of what was known is kept")
  }

  mutating func removeAll(where condition: (Key) -> Bool) {
    heap.removeAll { key, _ in condition(key) }
  }

  /// Lets the farthest go that have no room.
  private mutating func fit(_ capacity: Int) {
    while heap.count > capacity, let (_, place) = heap.popLast() {
      let cut = place.map(Cut.before) ?? .start
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
extension TimerWindow {
  /// When to read on; nil = not before something else happens. `lookAhead` in microseconds.
  func readsAt(now: Timestamp, lookAhead: Int64, capacity: Int) -> Timestamp? {
    if reading != nil { return nil }
    guard let covered = covered.time else { return now }
    let renewal = covered.advanced(byMicroseconds: -lookAhead / 2)
    if heap.count <= capacity / 2 { return renewal }
    // What is here and due later than the end of what is covered is in the way of what is nearer.
    guard let last = heap.last, last > covered, last > now else { return nil }
    return max(renewal, covered.advanced(byMicroseconds: -Self.margin))
  }

  /// Begins to read what lies beyond the cut that it answers, up to this time.
  mutating func beginRead(_ query: UInt64, until: Timestamp) -> Cut<Place> {
    assert(reading == nil, "one read at a time")
    reading = (query, covered, until, nil)
    readsNotBefore = nil
    return covered
  }

  /// A read was answered: up to where nothing was left out, nil = it brought nothing. What lies
  /// below the cut `covered` is to be put in at once, and then `readEnded` called. Nil = it is not
  /// the present read's answer.
  mutating func endRead(
    _ query: UInt64, reached: Cut<Place>?
  ) -> (covered: Cut<Place>, from: Cut<Place>)? {
    guard let (number, from, _, ceiling) = reading, number == query else { return nil }
    reading = nil
    guard let reached else { return (.start, covered) }
    covered = min(reached, ceiling ?? reached)
    assert(ceiling.map { covered <= $0 } ?? true, "what left during the read is not covered by it")
    return (covered, from)
  }

  /// A read that made no step is not repeated at once: the database was away, or what has all the
  /// room has its places in the database before those of what is nearer.
  mutating func readEnded(from cut: Cut<Place>, now: Moment) {
    assert(reading == nil, "what was found is put in before another read")
    if covered <= cut { readsNotBefore = now.uptime.saturatingAdd(Self.pause) }
  }
}

extension NamespaceTimers {
  /// The part of the namespace's that is to be read now.
  mutating func beginRead(
    _ query: UInt64, of record: NamespaceRecord, now: Moment, lookAhead: Int64, limit: Int
  ) -> DueSpan {
    let until = now.wall.advanced(byMicroseconds: lookAhead)
    return DueSpan(
      namespace: record.number, name: record.namespace.name,
      from: beginRead(query, until: until), until: until, limit: Int32(clamping: limit))
  }

  /// The machines of a page that are to be put in; see ``endRead(_:reached:)``.
  mutating func endRead(
    _ query: UInt64, _ page: DuePage?
  ) -> (machines: [DueMachine], from: DueCut)? {
    guard let (covered, from) = endRead(query, reached: page?.reached) else { return nil }
    return (page?.machines.filter { covered.covers($0.position) } ?? [], from)
  }
}
