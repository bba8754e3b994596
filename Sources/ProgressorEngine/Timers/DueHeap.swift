import HeapModule
import MachineModel

/// Things that have a time, each once. The earliest and the latest are at hand; to put one in, set it
/// anew or take it out costs O(log n), amortised.
///
/// What is set anew or taken out leaves its entry behind. Such entries are swept when they are the
/// larger part, so that they never take more than as much memory again.
struct DueHeap<Key: Hashable, Value> {
  /// Of one time, what came first is the first.
  private struct Entry: Comparable {
    let at: Timestamp
    let sequence: UInt64
    let key: Key

    static func < (a: Entry, b: Entry) -> Bool {
      a.at != b.at ? a.at < b.at : a.sequence < b.sequence
    }
    static func == (a: Entry, b: Entry) -> Bool { a.sequence == b.sequence }
  }

  private struct Item {
    let at: Timestamp
    let sequence: UInt64
    var value: Value
  }

  /// Its first and its last entry are live.
  private var heap = Heap<Entry>()
  private var live: [Key: Item] = [:]
  private var lastSequence: UInt64 = 0

  private static var sweepsFrom: Int { 64 }

  var count: Int { live.count }
  /// Entries that nothing stands behind.
  var left: Int { heap.count - live.count }
  var first: Timestamp? { heap.min?.at }
  var last: Timestamp? { heap.max?.at }

  func time(of key: Key) -> Timestamp? { live[key]?.at }

  /// How many are due. Looks at all.
  func count(dueAt time: Timestamp) -> Int { live.values.count { $0.at <= time } }

  /// Puts a thing in, or gives it another time and value.
  mutating func set(_ key: Key, at time: Timestamp, _ value: Value) {
    if let item = live[key], item.at == time {
      live[key]?.value = value
      return
    }
    lastSequence += 1
    live[key] = Item(at: time, sequence: lastSequence, value: value)
    heap.insert(Entry(at: time, sequence: lastSequence, key: key))
    trim()
  }

  /// Gives a thing that is here another value, and leaves it in its place.
  mutating func revalue(_ key: Key, _ value: Value) { live[key]?.value = value }

  mutating func remove(_ key: Key) {
    guard live.removeValue(forKey: key) != nil else { return }
    trim()
  }

  /// The earliest, when it is due.
  mutating func popFirst(at time: Timestamp) -> (key: Key, value: Value)? {
    guard let entry = heap.min, entry.at <= time else { return nil }
    return take(entry)
  }

  mutating func popLast() -> (key: Key, value: Value)? { heap.max.flatMap { take($0) } }

  mutating func removeAll(where condition: (Key, Value) -> Bool) {
    live = live.filter { !condition($0.key, $0.value.value) }
    sweep()
  }

  private mutating func take(_ entry: Entry) -> (key: Key, value: Value)? {
    let item = live.removeValue(forKey: entry.key)
    trim()
    return item.map { (entry.key, $0.value) }
  }

  private func isLive(_ entry: Entry) -> Bool { live[entry.key]?.sequence == entry.sequence }

  private mutating func trim() {
    while let first = heap.min, !isLive(first) { heap.removeMin() }
    while let last = heap.max, !isLive(last) { heap.removeMax() }
    if left > live.count + Self.sweepsFrom { sweep() }
  }

  private mutating func sweep() { heap = Heap(heap.unordered.filter { isLive($0) }) }
}
