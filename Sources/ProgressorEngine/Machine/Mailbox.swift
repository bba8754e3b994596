/// What waits on a machine, in the order in which it runs: one queue for everything, first in,
/// first out. A timer that is due enters at the tail like a call, so that re-arming with zero never
/// starves calls. What comes first is taken out in `Step/Begin`.
struct Mailbox {
  enum Item: Hashable {
    case request(RequestID)
    case timeout
    case notification
    /// See ``SettlingStep``.
    case settling
  }

  private var items = RemovalQueue<Item>()
  /// Requests that go before everything else, in their own order: Pause, Resume, DropNotification.
  private var urgent = RemovalQueue<RequestID>()
  /// Requests among the items that a failure of the machine answers.
  private var mortal: Set<RequestID> = []
  /// Requests among the items; the namespace's limit is on them.
  private(set) var requestCount = 0

  var isEmpty: Bool { items.isEmpty && urgent.isEmpty }
  var hasUrgent: Bool { !urgent.isEmpty }
  var urgentCount: Int { urgent.count }

  mutating func append(_ item: Item) {
    // What became due is looked at each time that something ends, and the row settled once.
    assert(item == .settling || !items.contains(item), "what is queued is not queued again")
    items.append(item)
  }

  /// - Parameter endsWithMachine: whether it is answered when the machine fails, before its turn.
  mutating func append(_ request: RequestID, endsWithMachine: Bool) {
    assert(!contains(.request(request)), "a request waits once")
    items.append(.request(request))
    entered(request, endsWithMachine)
  }

  mutating func appendUrgent(_ request: RequestID) {
    assert(!contains(.request(request)), "an urgent request waits among the urgent ones")
    urgent.append(request)
  }

  /// Puts an item back to where it was.
  mutating func prepend(_ item: Item, endsWithMachine: Bool) {
    assert(!items.contains(item), "what runs does not wait too")
    items.prepend(item)
    if case .request(let request) = item { entered(request, endsWithMachine) }
  }

  private mutating func entered(_ request: RequestID, _ endsWithMachine: Bool) {
    requestCount += 1
    if endsWithMachine { mortal.insert(request) }
    assert(requestCount <= items.count, "each request among the items is one of them")
  }

  mutating func popFirst() -> Item? {
    if let request = urgent.popFirst() { return .request(request) }
    guard let item = items.popFirst() else {
      assert(requestCount == 0 && mortal.isEmpty, "nobody is counted who does not wait")
      return nil
    }
    if case .request(let request) = item { left(request) }
    return item
  }

  /// Takes out a request that ended while it waited.
  mutating func remove(_ request: RequestID) {
    if items.remove(.request(request)) { left(request) } else { urgent.remove(request) }
    assert(!mortal.contains(request), "who ends with the machine is among the items")
  }

  private mutating func left(_ request: RequestID) {
    requestCount -= 1
    mortal.remove(request)
    assert(requestCount >= mortal.count, "more requests left the mailbox than entered it")
  }

  /// All requests that wait. Looks at everything.
  var requests: [RequestID] {
    urgent.elements
      + items.elements.compactMap { if case .request(let id) = $0 { id } else { nil } }
  }

  /// Something is counted otherwise than it is. Looks at everything.
  var isInconsistent: Bool {
    requestCount != requests.count - urgent.count || !mortal.isSubset(of: requests)
  }

  func contains(_ item: Item) -> Bool { items.contains(item) }

  /// Takes out the requests that end with the machine, oldest first.
  mutating func takeMortal() -> [RequestID] {
    Visits.note(mortal.count)
    let taken = mortal.sorted { $0.number < $1.number }
    for request in taken { remove(request) }
    assert(mortal.isEmpty, "who ends with the machine has left")
    return taken
  }
}
