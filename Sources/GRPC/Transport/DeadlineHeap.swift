import NIOCore

/// Something that waits in a ``DeadlineHeap`` and knows its place there.
protocol DeadlineHolder: AnyObject {
  var deadline: NIODeadline { get }
  /// The index in the heap; nil outside. Written by the heap only.
  var heapIndex: Int? { get set }
}

/// Calls, or timers, in the order of their deadlines: a binary heap from which any element can be
/// taken, so that a call that ended long before its deadline leaves nothing behind.
struct DeadlineHeap<Element: DeadlineHolder> {
  private var elements: [Element] = []

  /// The element with the earliest deadline.
  var first: Element? { elements.first }

  /// How many elements there are.
  var count: Int { elements.count }

  /// Adds an element that is in no heap.
  mutating func insert(_ element: Element) {
    elements.append(element)
    element.heapIndex = elements.count - 1
    siftUp(elements.count - 1)
  }

  /// Takes an element out, if it is in.
  mutating func remove(_ element: Element) {
    guard let index = element.heapIndex else { return }
    element.heapIndex = nil
    let last = elements.removeLast()
    guard index < elements.count else { return }
    place(last, at: index)
    siftDown(index)
    siftUp(index)
  }

  /// Takes an element whose deadline has come.
  mutating func popExpired(now: NIODeadline) -> Element? {
    guard let first, first.deadline <= now else { return nil }
    remove(first)
    return first
  }

  private mutating func place(_ element: Element, at index: Int) {
    elements[index] = element
    element.heapIndex = index
  }

  private mutating func siftUp(_ start: Int) {
    var index = start
    let element = elements[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard element.deadline < elements[parent].deadline else { break }
      place(elements[parent], at: index)
      index = parent
    }
    place(element, at: index)
  }

  private mutating func siftDown(_ start: Int) {
    var index = start
    let element = elements[index]
    while true {
      var child = 2 * index + 1
      guard child < elements.count else { break }
      if child + 1 < elements.count, elements[child + 1].deadline < elements[child].deadline {
        child += 1
      }
      guard elements[child].deadline < element.deadline else { break }
      place(elements[child], at: index)
      index = child
    }
    place(element, at: index)
  }
}
