import DequeModule
import MachineModel

/// Namespaces that wait for a look ahead into the database, and the one that is under way.
struct ReadQueue {
  private var waiting: Deque<NamespaceState> = []
  /// Those that wait until a `Moment.uptime`.
  private var later = RankedHeap<NamespaceState, Int64, Void>()
  /// One at a time, and whose it is.
  private var reading: (query: DueQuery, namespaces: [NamespaceState])?

  /// Those that may be read now.
  var count: Int { waiting.count }
  var waitingCount: Int { waiting.count + later.count }

  /// When there is something to read that nothing else announces, on `Moment.uptime`. Nothing is
  /// read before the read that is under way is answered.
  var wakeAt: Int64? { reading == nil ? later.first : nil }

  mutating func append(_ namespace: NamespaceState) {
    assert(later.rank(of: namespace) == nil, "a namespace waits for one read")
    waiting.append(namespace)
  }

  mutating func append(_ namespace: NamespaceState, at uptime: Int64) {
    assert(later.rank(of: namespace) == nil, "a namespace waits for one read")
    later.set(namespace, at: uptime, ())
  }

  /// Nothing that was read before says when to read.
  mutating func hasten(_ namespace: NamespaceState) {
    guard later.rank(of: namespace) != nil else { return }
    assert(namespace.schedule.wantsRead, "who waits for a read wants one")
    later.remove(namespace)
    waiting.append(namespace)
  }

  /// Whether a read may begin, and somebody waits for it.
  mutating func mayBegin(at uptime: Int64) -> Bool {
    guard reading == nil else { return false }
    while let (namespace, _) = later.popFirst(at: uptime) {
      assert(namespace.schedule.wantsRead, "who waits for a read wants one")
      waiting.append(namespace)
    }
    return !waiting.isEmpty
  }

  mutating func popFirst() -> NamespaceState? { waiting.popFirst() }

  mutating func begin(_ query: DueQuery, _ namespaces: [NamespaceState]) {
    assert(reading == nil, "one read at a time")
    assert(query.spans.count == namespaces.count, "each part that is read is a namespace's")
    reading = (query, namespaces)
  }

  /// Whose the read was; nobody's when it is not the present one.
  mutating func end(_ query: DueQuery) -> [NamespaceState] {
    guard let reading, reading.query.number == query.number else { return [] }
    assert(!reading.namespaces.isEmpty, "nothing is read for nobody")
    self.reading = nil
    return reading.namespaces
  }
}
