/// Durations, counted in buckets that are at most 1/128 wide: percentiles are right to 1 %, however
/// many values there are, and recording costs a few nanoseconds.
///
/// The form is that of HdrHistogram: values below 256 have a bucket each, every later power of two
/// has 128.
struct Histogram: Sendable {
  private static let subBuckets = 128
  private static let subBucketBits = 7

  private var buckets = [Int](repeating: 0, count: 58 * subBuckets)

  /// How many values were recorded.
  private(set) var count = 0

  /// The largest value, exactly.
  private(set) var maximum = 0

  /// Records a value; a negative one counts as 0.
  mutating func record(_ value: Int) {
    let value = max(value, 0)
    buckets[Self.index(of: value)] += 1
    count += 1
    maximum = max(maximum, value)
  }

  mutating func merge(_ other: Histogram) {
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    count += other.count
    maximum = max(maximum, other.maximum)
  }

  /// The value that `share` (0…1) of all values do not exceed; nil when there are none.
  func percentile(_ share: Double) -> Int? {
    guard count > 0 else { return nil }
    let rank = max(1, Int((share * Double(count)).rounded(.up)))
    var seen = 0
    for (index, number) in buckets.enumerated() {
      seen += number
      if seen >= rank { return min(Self.upperBound(of: index), maximum) }
    }
    return maximum
  }

  private static func index(of value: Int) -> Int {
    let highestBit = Int.bitWidth - 1 - value.leadingZeroBitCount
    let exponent = max(0, highestBit - subBucketBits)
    return exponent * subBuckets + value >> exponent
  }

  private static func upperBound(of index: Int) -> Int {
    let exponent = max(0, index / subBuckets - 1)
    return (index - exponent * subBuckets + 1) << exponent - 1
  }
}
