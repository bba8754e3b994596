import CoreMetrics
import Synchronization

/// A number that grows, in whole parts.
final class CounterCell: CounterHandler {
  private let count = Atomic<Int64>(0)

  var value: Int64 { count.load(ordering: .relaxed) }

  func increment(by amount: Int64) {
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  func reset() {
    count.store(0, ordering: .relaxed)
  }
}

/// A number with a fraction that is set, or changed by an amount.
final class GaugeCell: MeterHandler, RecorderHandler, FloatingPointCounterHandler {
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func set(_ value: Int64) { set(Double(value)) }

  func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func increment(by amount: Double) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + amount).bitPattern
      let (isDone, found) = bits.compareExchange(expected: old, desired: new, ordering: .relaxed)
      if isDone { return }
      old = found
    }
  }

  func decrement(by amount: Double) { increment(by: -amount) }

  func record(_ value: Int64) { set(Double(value)) }

  func record(_ value: Double) { set(value) }

  func reset() { set(0.0) }
}

/// Observations, counted by their size in fixed buckets: two additions each, without a lock.
final class HistogramCell: TimerHandler, RecorderHandler {
  private final class Bucket: Sendable {
    let count = Atomic<UInt64>(0)
  }

  private let bounds: [Double]
  private let buckets: [Bucket]
  private let sum = GaugeCell()

  /// - Parameter bounds: ascending; one bucket more takes what is above the last.
  init(bounds: [Double]) {
    self.bounds = bounds
    buckets = (0...bounds.count).map { _ in Bucket() }
  }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    var index = 0
    while index < bounds.count, !(value <= bounds[index]) { index += 1 }
    buckets[index].count.wrappingAdd(1, ordering: .relaxed)
    sum.increment(by: value)
  }

  /// Prometheus measures durations in seconds.
  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  func write(to exposition: inout Exposition, _ labels: Exposition.Labels) {
    exposition.histogram(
      bounds: bounds, counts: buckets.map { $0.count.load(ordering: .relaxed) }, sum: sum.value,
      labels)
  }
}
