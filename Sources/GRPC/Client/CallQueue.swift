import DequeModule

/// Something that waits in a ``CallQueue``.
protocol Queueable: AnyObject {
  /// Whether it ended while waiting, so that the queue passes over it.
  var isFinished: Bool { get }
}

/// Calls that wait for a connection or a free stream, in order, bounded. A call that ended while it
/// waited is passed over; ``noteFinished()`` tells the queue so, and keeps its memory bounded.
struct CallQueue<Call: Queueable> {
  private let limit: Int
  private var calls: Deque<Call> = []
  private var finished = 0

  init(limit: Int) {
    self.limit = limit
  }

  /// How many calls wait that have not ended.
  var count: Int { calls.count - finished }

  /// How many calls are kept, those included that ended and were not passed over yet: for tests.
  var storedCount: Int { calls.count }

  /// Whether nothing waits.
  var isEmpty: Bool { count <= 0 }

  /// Adds a call at the end; false if the queue is full.
  mutating func append(_ call: Call) -> Bool {
    guard count < limit else { return false }
    calls.append(call)
    return true
  }

  /// Puts a call that had left the queue before all others, whatever the limit.
  mutating func putBack(_ call: Call) {
    calls.prepend(call)
  }

  /// Takes the first call that has not ended.
  mutating func popFirst() -> Call? {
    while let call = calls.popFirst() {
      guard call.isFinished else { return call }
      finished -= 1
    }
    return nil
  }

  /// Takes all calls that have not ended and that `condition` selects, in order.
  mutating func removeAll(where condition: (Call) -> Bool) -> [Call] {
    var removed: [Call] = []
    calls.removeAll { call in
      if call.isFinished { return true }
      guard condition(call) else { return false }
      removed.append(call)
      return true
    }
    finished = 0
    return removed
  }

  /// A call in this queue ended.
  mutating func noteFinished() {
    finished += 1
    guard finished > 64, finished > calls.count / 2 else { return }
    calls.removeAll(where: \.isFinished)
    finished = 0
  }
}
