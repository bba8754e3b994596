import DequeModule

/// What waits on a machine, in the order in which it runs: one queue for everything, first in,
/// first out. A timer that is due enters at the tail like a call, so that re-arming with zero never
/// starves calls.
struct Mailbox {
  enum Item: Hashable {
    case request(RequestID)
    case timeout
    case notification
  }

  private var items: Deque<Item> = []
  /// Requests that go before everything else, in their own order: Pause and Resume.
  private var urgent: Deque<RequestID> = []
  /// Requests among the items; the namespace's limit is on them.
  private(set) var requestCount = 0

  var isEmpty: Bool { items.isEmpty && urgent.isEmpty }
  var hasUrgent: Bool { !urgent.isEmpty }
  var urgentCount: Int { urgent.count }

  mutating func append(_ item: Item) {
    if case .request = item { requestCount += 1 }
    items.append(item)
  }

  mutating func appendUrgent(_ request: RequestID) {
    urgent.append(request)
  }

  /// Puts an item back to where it was.
  mutating func prepend(_ item: Item) {
    if case .request = item { requestCount += 1 }
    items.prepend(item)
  }

  mutating func popFirst() -> Item? {
    if let request = urgent.popFirst() { return .request(request) }
    guard let item = items.popFirst() else { return nil }
    if case .request = item { requestCount -= 1 }
    return item
  }

  /// Takes out a request that ended while it waited; bounded by the mailbox's limit.
  mutating func remove(_ request: RequestID) {
    urgent.removeAll { $0 == request }
    guard let index = items.firstIndex(of: .request(request)) else { return }
    items.remove(at: index)
    requestCount -= 1
  }

  func contains(_ item: Item) -> Bool { items.contains(item) }

  /// The waiting requests, in order.
  var requests: [RequestID] {
    items.compactMap { if case .request(let id) = $0 { id } else { nil } }
  }
}
