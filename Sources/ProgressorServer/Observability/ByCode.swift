import GRPC
import Synchronization

/// A metric for each code that calls end with, made when one ends with it: what never happens costs
/// no series.
final class ByCode<Metric: Sendable>: Sendable {
  private let metrics = Mutex([Metric?](repeating: nil, count: StatusCode.allCases.count))
  private let make: @Sendable (StatusCode) -> Metric

  init(_ make: @escaping @Sendable (StatusCode) -> Metric) {
    self.make = make
  }

  /// The metric of a code; nil = there is no such code.
  subscript(code: StatusCode) -> Metric? {
    metrics.withLock { metrics in
      // Codes are 0 to 16, in the order of their numbers.
      guard metrics.indices.contains(code.rawValue) else { return nil }
      if let known = metrics[code.rawValue] { return known }
      let metric = make(code)
      metrics[code.rawValue] = metric
      return metric
    }
  }
}
