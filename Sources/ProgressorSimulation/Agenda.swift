import MachineModel
import ProgressorEngine

/// What happens at some virtual time. `life` tells one run of a node from the next: what was meant
/// for an earlier one is dropped.
enum Occurrence {
  /// Something reaches a node, and so those of its loops that it concerns.
  case input(node: Int, life: Int, Input)
  /// A loop of a node turns.
  case turn(node: Int, life: Int, core: CoreNumber)
  case wake(node: Int, life: Int, core: CoreNumber, serial: Int)
  /// A read takes its snapshot; its answer travels afterwards.
  case read(node: Int, life: Int, Read)
  /// A batch reaches the database, or its transaction ends.
  case transmission(Int)
  /// A writer goes on with the batch that it keeps.
  case writer(node: Int, life: Int, slot: Int, attempt: BatchAttempt, WriterStage)
  /// A standby that lagged behind is promoted.
  case failover
  /// A processor gets to an invocation, by its number.
  case invocation(Int)
  /// The outcome of an invocation reaches its node.
  case outcome(Int, ProcessorOutcome)
  case heartbeat(node: Int, identity: Int)
  case renewal(node: Int, identity: Int, sentAt: Int64)
  case leaseGone(node: Int, identity: Int)
  case register(node: Int, life: Int)
  case scan(node: Int, identity: Int)
  case release(node: Int, identity: Int, [ShardID])
  /// Sessions of a node whose lease has ended are ended by whoever takes it over.
  case endSessions(identity: Int)
  /// Another node takes this one over, when its lease has ended.
  case expel(node: Int, identity: Int)
  case restart(node: Int)
  case endpoint(Int, up: Bool)
  /// A node looks at the namespaces.
  case look(node: Int, life: Int)
  /// A namespace is not paused any more.
  case resumption(Int)
  case storageBack
  /// Clients send their next requests.
  case arrival
  case cancel(RequestID)
  /// A request must have been answered by now.
  case overdue(RequestID)
  /// A fault of the plan that strikes by itself, in time.
  case fault(FaultKind)
}

/// The reads that a node asks storage for.
enum Read {
  case load(LoadRequest)
  case list(RequestID, Listing)
  case trace(RequestID, MachineID, TraceQuery)
  case due(DueQuery)
  case messages(MessageQuery)
  case loadMessages(MessageLoad)
}

/// Virtual time and what is to happen in it, in an order that depends on nothing but the seed: by
/// time, and at one time in the order of planning.
struct Agenda {
  private struct Entry {
    var time: Int64
    var sequence: UInt64
    var index: Int

    func precedes(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : sequence < other.sequence
    }
  }

  /// Microseconds on the clock that never goes back.
  private(set) var now: Int64 = 1_000_000
  private var heap: [Entry] = []
  private var occurrences: [Occurrence?] = []
  private var free: [Int] = []
  private var sequence: UInt64 = 0

  var count: Int { heap.count }

  mutating func plan(_ occurrence: Occurrence, at time: Int64) {
    let index: Int
    if let reused = free.popLast() {
      index = reused
      occurrences[index] = occurrence
    } else {
      index = occurrences.count
      occurrences.append(occurrence)
    }
    sequence += 1
    heap.append(Entry(time: max(time, now), sequence: sequence, index: index))
    siftUp()
  }

  mutating func plan(_ occurrence: Occurrence, after delay: Int64) {
    plan(occurrence, at: now + delay)
  }

  var nextTime: Int64? { heap.first?.time }

  /// The next occurrence; time moves on to it.
  mutating func next() -> Occurrence? {
    guard let first = heap.first else { return nil }
    now = first.time
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      siftDown()
    }
    free.append(first.index)
    return occurrences[first.index].take()
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    let entry = heap[child]
    while child > 0 {
      let parent = (child - 1) / 2
      if !entry.precedes(heap[parent]) { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  private mutating func siftDown() {
    var parent = 0
    let entry = heap[parent]
    while true {
      var child = 2 * parent + 1
      if child >= heap.count { break }
      if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
      if !heap[child].precedes(entry) { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = entry
  }
}
