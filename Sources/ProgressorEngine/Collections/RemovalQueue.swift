import DequeModule

/// A queue, first in, first out, from whose middle an element is taken out as cheaply as from its
/// front. Each element stands in it once.
///
/// What is taken out leaves a gap, found by its position; gaps are closed when they are the larger
/// part, so that each removal pays for a constant part of that walk.
struct RemovalQueue<Element: Hashable> {
  private var slots: Deque<Element?> = []
  /// Where each element stands, counted from the first slot that there ever was.
  private var positions: [Element: Int] = [:]
  private var firstPosition = 0

  var count: Int { positions.count }
  var isEmpty: Bool { positions.isEmpty }

  func contains(_ element: Element) -> Bool { positions[element] != nil }

  /// Puts an element to the end, unless it is here already.
  mutating func append(_ element: Element) {
    guard positions[element] == nil else { return }
    positions[element] = firstPosition + slots.count
    slots.append(element)
    assert(slots.count >= positions.count, "each element has a slot")
  }

  /// Puts an element before all others, unless it is here already.
  mutating func prepend(_ element: Element) {
    guard positions[element] == nil else { return }
    firstPosition -= 1
    positions[element] = firstPosition
    slots.prepend(element)
    assert(first == element, "what goes before all others is the first")
  }

  /// The first element; the first slot is never a gap.
  var first: Element? { slots.first ?? nil }

  mutating func popFirst() -> Element? {
    guard let first else {
      assert(isEmpty, "the first slot is never a gap")
      return nil
    }
    remove(first)
    return first
  }

  /// Takes an element out, wherever it stands; false = it is not here.
  @discardableResult
  mutating func remove(_ element: Element) -> Bool {
    guard let position = positions.removeValue(forKey: element) else { return false }
    assert(slots[position - firstPosition] == element, "an element stands at its position")
    slots[position - firstPosition] = nil
    while let slot = slots.first, slot == nil {
      slots.removeFirst()
      firstPosition += 1
      Visits.note(1)
    }
    assert(slots.isEmpty == positions.isEmpty, "no element is without a slot")
    closeGaps()
    return true
  }

  private mutating func closeGaps() {
    if positions.isEmpty {
      // Its memory is given back too.
      self = RemovalQueue()
    } else if slots.count > 2 * positions.count + 16 {
      Visits.note(slots.count)
      let elements = elements
      self = RemovalQueue()
      for element in elements { append(element) }
      assert(count == elements.count, "whoever stood in the queue does so once")
    }
  }

  /// The first `count` elements, in order; costs as much as the places gone through, gaps included.
  func prefix(_ count: Int) -> [Element] {
    Array(slots.prefix(count).compactMap { $0 })
  }

  /// All of them, in order.
  var elements: [Element] {
    Visits.note(slots.count)
    return slots.compactMap { $0 }
  }

  /// Takes everything out, in order.
  mutating func takeAll() -> [Element] {
    let elements = elements
    assert(elements.count == count, "each element has one slot")
    self = RemovalQueue()
    return elements
  }
}
