import CoreMetrics
import GRPC
import PrometheusMetrics

/// Counts and times the calls of one method. Everything is made before the first call: a call costs
/// an addition for its code and two for its duration.
final class CallMetrics: CallObserver {
  private let codes: [Counter]
  private let duration: Timer

  /// - Parameter method: `/package.Service/Method`; nil = all that are not served.
  init(method: String?, registry: PrometheusRegistry) {
    let name = method.map { String($0.drop { $0 == "/" }) } ?? "unknown"
    codes = StatusCode.allCases.map { code in
      Counter(
        label: "progressor_calls_total", dimensions: [("method", name), ("code", code.name)],
        factory: registry)
    }
    duration = Timer(
      label: "progressor_call_duration_seconds", dimensions: [("method", name)], factory: registry)
  }

  func callEnded(_ code: StatusCode, after nanoseconds: Int64) {
    // Codes are 0 to 16, in the order of their numbers.
    if codes.indices.contains(code.rawValue) { codes[code.rawValue].increment() }
    duration.recordNanoseconds(nanoseconds)
  }

  /// What the two mean, for people.
  static func describe(in registry: PrometheusRegistry) {
    registry.describe("progressor_calls_total", "Calls of clients that ended, by method and code.")
    registry.describe(
      "progressor_call_duration_seconds", "From a call's header fields to its answer.")
  }
}
