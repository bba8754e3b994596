/// Durations, counted by how long they were. The bounds are fixed, so that counting one costs a few
/// comparisons and no memory.
public struct Distribution: Sendable, Hashable {
  /// Upper bounds of the buckets in microseconds, inclusive; what is longer is in one bucket more.
  public static let bounds: [Int64] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
  ]

  /// How many fell into each bucket, and into none of them last.
  public private(set) var counts = [UInt64](repeating: 0, count: Distribution.bounds.count + 1)
  /// All together, microseconds.
  public private(set) var sum: Int64 = 0

  public init() {}

  /// How many were counted.
  public var count: UInt64 { counts.reduce(0, +) }

  /// Takes the other's counts in, too.
  public mutating func add(_ other: Distribution) {
    for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
    sum = sum.saturatingAdd(other.sum)
    assert(sum >= 0 && counts.count == other.counts.count, "durations are of one kind")
  }

  mutating func add(_ microseconds: Int64) {
    let duration = max(0, microseconds)
    var bucket = 0
    while bucket < Distribution.bounds.count, duration > Distribution.bounds[bucket] { bucket += 1 }
    counts[bucket] += 1
    sum = sum.saturatingAdd(duration)
  }
}
