import HeapModule

/// The deadlines of requests, earliest first. Answered ones are forgotten when they come up, or
/// when more than half of the entries are such.
struct RequestDeadlines {
  private struct Entry: Comparable {
    let deadline: Int64
    let request: RequestID

    static func < (a: Entry, b: Entry) -> Bool { a.deadline < b.deadline }
  }

  private var heap = Heap<Entry>()

  /// With those that are answered already.
  var count: Int { heap.count }
  var next: Int64? { heap.min?.deadline }

  mutating func push(_ deadline: Int64, _ request: RequestID) {
    heap.insert(Entry(deadline: deadline, request: request))
    assert(next.map { $0 <= deadline } ?? false, "no deadline is before the next one")
  }

  mutating func pop(at uptime: Int64) -> RequestID? {
    guard let first = heap.min, first.deadline <= uptime else { return nil }
    let request = heap.removeMin().request
    assert(request == first.request, "the first deadline is the one that has passed")
    return request
  }

  /// Drops the entries of requests that `isLive` denies, once they are the larger part.
  mutating func compact(live: Int, isLive: (RequestID) -> Bool) {
    guard heap.count > 2 * live + 1_024 else { return }
    heap = Heap(heap.unordered.filter { isLive($0.request) })
    assert(heap.count >= live, "each request keeps its deadline")
  }
}
