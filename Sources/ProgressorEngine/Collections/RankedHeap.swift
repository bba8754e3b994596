import HeapModule
import MachineModel

/// Things that become due.
typealias DueHeap<Key: Hashable, Value> = RankedHeap<Key, Timestamp, Value>

/// Things that have a rank, such as a time, each once. The first and the last are at hand; to put
/// one in, set it anew or take it out costs O(log n), amortised.
///
/// What is set anew or taken out leaves its entry behind. Such entries are swept when they are the
/// larger part, so that they never take more than as much memory again.
struct RankedHeap<Key: Hashable, Rank: Comparable, Value> {
  /// Of one rank, what came first is the first.
  private struct Entry: Comparable {
    let at: Rank
    let sequence: UInt64
    let key: Key

    static func < (a: Entry, b: Entry) -> Bool {
      a.at != b.at ? a.at < b.at : a.sequence < b.sequence
    }
    static func == (a: Entry, b: Entry) -> Bool { a.sequence == b.sequence }
  }

  private struct Item {
    let at: Rank
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
  var first: Rank? { heap.min?.at }
  var last: Rank? { heap.max?.at }

  /// The key of the first.
  var firstKey: Key? { heap.min?.key }

  func rank(of key: Key) -> Rank? { live[key]?.at }

  func value(of key: Key) -> Value? { live[key]?.value }

  /// In no order.
  var keys: [Key] { Array(live.keys) }

  /// How many have this rank or one before it. Looks at all.
  func count(upTo rank: Rank) -> Int { live.values.count { $0.at <= rank } }

  /// Puts a thing in, or gives it another rank and value.
  mutating func set(_ key: Key, at rank: Rank, _ value: Value) {
    if let item = live[key], item.at == rank {
      live[key]?.value = value
      return
    }
    lastSequence += 1
    live[key] = Item(at: rank, sequence: lastSequence, value: value)
    heap.insert(Entry(at: rank, sequence: lastSequence, key: key))
    assert(heap.count >= live.count, "whatever is here has an entry")
    trim()
  }

  /// Gives a thing that is here another value, and leaves it in its place.
  mutating func revalue(_ key: Key, _ value: Value) {
    assert(live[key] != nil, "what has another value is here")
    live[key]?.value = value
  }

  mutating func remove(_ key: Key) {
    guard live.removeValue(forKey: key) != nil else { return }
    assert(left > 0, "what is taken out leaves its entry behind")
    trim()
  }

  /// The first, when it has this rank or one before it.
  mutating func popFirst(at rank: Rank) -> (key: Key, value: Value)? {
    guard let entry = heap.min, entry.at <= rank else { return nil }
    let taken = take(entry)
    assert(first.map { $0 >= entry.at } ?? true, "what is left has no lower rank")
    return taken
  }

  mutating func popLast() -> (key: Key, value: Value)? {
    guard let entry = heap.max else { return nil }
    let taken = take(entry)
    assert(last.map { $0 <= entry.at } ?? true, "what is left has no higher rank")
    return taken
  }

  mutating func removeAll(where condition: (Key, Value) -> Bool) {
    live = live.filter { !condition($0.key, $0.value.value) }
    sweep()
    assert(heap.count == live.count, "one entry each is left of those that stay")
  }

  private mutating func take(_ entry: Entry) -> (key: Key, value: Value)? {
    assert(isLive(entry), "the first and the last entry are live")
    let item = live.removeValue(forKey: entry.key)
    trim()
    return item.map { (entry.key, $0.value) }
  }

  private func isLive(_ entry: Entry) -> Bool { live[entry.key]?.sequence == entry.sequence }

  private mutating func trim() {
    while let first = heap.min, !isLive(first) { heap.removeMin() }
    while let last = heap.max, !isLive(last) { heap.removeMax() }
    assert(left >= 0 && heap.isEmpty == live.isEmpty, "whatever is here has an entry")
    if left > live.count + Self.sweepsFrom { sweep() }
  }

  private mutating func sweep() {
    heap = Heap(heap.unordered.filter { isLive($0) })
    assert(left == 0, "each has one entry once the others are swept")
  }
}
