import HeapModule
import NIOCore

/// The deadlines of a connection's calls, earliest first.
///
/// Calls mostly end long before their deadline, so leaving costs nothing: entries of calls that are
/// gone are swept out once they outnumber the others.
struct DeadlineQueue {
  struct Entry: Comparable {
    let deadline: NIODeadline
    let stream: Int32

    static func < (left: Entry, right: Entry) -> Bool { left.deadline < right.deadline }
  }

  private var heap = Heap<Entry>()

  /// The earliest deadline, perhaps of a call that is gone.
  var next: NIODeadline? { heap.min?.deadline }

  /// How many deadlines are kept, those of calls that are gone among them.
  var count: Int { heap.count }

  /// Adds the deadline of a call.
  ///
  /// - Parameters:
  ///   - openCalls: how many calls are open at most.
  ///   - isOpen: whether a call is still open; asked when the queue is swept.
  mutating func insert(_ entry: Entry, openCalls: Int, isOpen: (Int32) -> Bool) {
    if heap.count >= 2 * openCalls + 64 {
      heap = Heap(heap.unordered.filter { isOpen($0.stream) })
    }
    heap.insert(entry)
  }

  /// Takes a call out whose deadline has passed; it may be gone.
  mutating func popExpired(now: NIODeadline) -> Int32? {
    guard let first = heap.min, first.deadline <= now else { return nil }
    return heap.removeMin().stream
  }
}
