import DequeModule

/// What waits in order and may leave from anywhere: joining, leaving and serving cost the same
/// however many wait, and who left takes no memory.
struct WaitingLine<Element> {
  /// A place in a line.
  struct Ticket: Hashable {
    fileprivate let number: UInt64
  }

  private var elements: [Ticket: Element] = [:]
  /// The tickets in order, those of who left among them; they are swept out once they outnumber the
  /// others.
  private var order = Deque<Ticket>()
  private var last: UInt64 = 0

  var isEmpty: Bool { elements.isEmpty }

  /// How many wait.
  var count: Int { elements.count }

  /// How many places are kept, those of who left among them: for tests.
  var storedCount: Int { order.count }

  /// Puts one at the end.
  mutating func append(_ element: Element) -> Ticket {
    if order.count >= 2 * elements.count + 64 { order.removeAll { elements[$0] == nil } }
    last += 1
    let ticket = Ticket(number: last)
    elements[ticket] = element
    order.append(ticket)
    return ticket
  }

  /// Takes one out, unless it has left.
  mutating func remove(_ ticket: Ticket) {
    elements[ticket] = nil
    if elements.isEmpty { order.removeAll() }
  }

  /// The one that waits longest.
  mutating func first() -> Element? {
    while let ticket = order.first {
      if let element = elements[ticket] { return element }
      order.removeFirst()
    }
    return nil
  }

  /// Lets everybody go.
  mutating func removeAll() {
    elements.removeAll()
    order.removeAll()
  }
}
