import CoreMetrics
import GRPC
import MachineModel
import PrometheusMetrics
import Synchronization

/// Counts and times the calls of processors under the names of gRFC A66, by method and target. From
/// any thread.
final class AttemptMetrics: Sendable {
  /// One method of one target.
  final class Method: Sendable {
    private let calls: Counter
    private let durations: ByCode<Timer>

    fileprivate init(_ name: String, target: String, _ registry: PrometheusRegistry) {
      let labels = [("grpc_method", name), ("grpc_target", target)]
      calls = Counter(
        label: "grpc_client_attempt_started_total", dimensions: labels, factory: registry)
      durations = ByCode { code in
        Timer(
          label: "grpc_client_attempt_duration_seconds",
          dimensions: labels + [("grpc_status", code.name)], factory: registry)
      }
    }

    func started() { calls.increment() }

    func ended(_ code: StatusCode, after nanoseconds: Int64) {
      durations[code]?.recordNanoseconds(nanoseconds)
    }
  }

  private struct Key: Hashable {
    let method: ExactText
    let target: ExactText
  }

  private struct State {
    var targets: Set<ExactText> = []
    var methods: [Key: Method] = [:]
  }

  private let state = Mutex(State())
  private let registry: PrometheusRegistry

  /// Targets that have a name of their own; the next ones are `other` together.
  static let maximumTargets = 100

  init(_ registry: PrometheusRegistry) {
    self.registry = registry
    registry.describe("grpc_client_attempt_started_total", "Calls of processors that began.")
    registry.describe(
      "grpc_client_attempt_duration_seconds",
      "From a call of a processor, or its wait for a connection, to its end.")
  }

  /// - Parameters:
  ///   - path: `/package.Service/Method`, of a few.
  ///   - target: The endpoint of a namespace.
  func method(_ path: String, target: String) -> Method {
    state.withLock { state in
      var name = ExactText(target)
      if !state.targets.contains(name) {
        if state.targets.count < Self.maximumTargets {
          state.targets.insert(name)
        } else {
          name = "other"
        }
      }
      let key = Key(method: ExactText(path), target: name)
      if let known = state.methods[key] { return known }
      let method = Method(String(path.drop { $0 == "/" }), target: name.text, registry)
      state.methods[key] = method
      return method
    }
  }
}
