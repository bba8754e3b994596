import DequeModule

/// The large loads that were taken in: a few are read in turns, the others wait for their place.
/// All have the same patience, so that those that wait are late in the order in which they came.
struct LargeLoadQueue {
  private var active: Deque<LargeLoad> = []
  private var waiting: Deque<MachineLoader.Item> = []
  private let capacity: Int

  /// At a time: they are held in memory until they are complete.
  static let maximumActive = 4

  /// - Parameter capacity: of those that wait.
  init(capacity: Int) {
    self.capacity = capacity
  }

  var isEmpty: Bool { active.isEmpty && waiting.isEmpty }

  /// How many more may come.
  var room: Int { capacity - waiting.count }

  mutating func append(_ items: [MachineLoader.Item]) {
    waiting += items
  }

  /// Takes out every load whose deadline has passed, whether it was begun or not.
  mutating func takeLate(at now: Int64) -> [MachineLoader.Item] {
    let late = waiting.prefix { $0.deadline <= now }
    let begun = active.filter { $0.item.deadline <= now }
    let all = begun.map(\.item) + late
    if !begun.isEmpty { active.removeAll { $0.item.deadline <= now } }
    waiting.removeFirst(late.count)
    return all
  }

  /// Takes out the load whose turn it is; given back by `giveBack` unless it has ended.
  mutating func next() -> LargeLoad? {
    while active.count < Self.maximumActive, let item = waiting.popFirst() {
      active.append(LargeLoad(item))
    }
    return active.popFirst()
  }

  /// Behind the others that were begun.
  mutating func giveBack(_ load: LargeLoad) {
    active.append(load)
  }

  /// What was read may be of another database.
  mutating func restart() {
    for index in active.indices { active[index].restart() }
  }

  /// Takes out everything.
  mutating func takeAll() -> [MachineLoader.Item] {
    defer { (active, waiting) = ([], []) }
    return active.map(\.item) + waiting
  }
}
