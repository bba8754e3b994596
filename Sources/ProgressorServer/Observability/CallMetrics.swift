import CoreMetrics
import GRPC
import PrometheusMetrics

/// Counts and times the calls of one method, under our own names and under those of gRFC A66.
final class CallMetrics: CallObserver {
  private let started: Counter
  private let codes: ByCode<Counter>
  private let duration: Timer
  private let durations: ByCode<Timer>
  private let received: ByCode<Recorder>
  private let sent: ByCode<Recorder>

  /// - Parameter method: `/package.Service/Method`; nil = all that are not served.
  init(method: String?, registry: PrometheusRegistry) {
    let name = method.map { String($0.drop { $0 == "/" }) }
    let (ours, theirs) = (name ?? "unknown", name ?? "other")
    started = Counter(
      label: "grpc_server_call_started_total", dimensions: [("grpc_method", theirs)],
      factory: registry)
    codes = ByCode { code in
      Counter(
        label: "progressor_calls_total", dimensions: [("method", ours), ("code", code.name)],
        factory: registry)
    }
    duration = Timer(
      label: "progressor_call_duration_seconds", dimensions: [("method", ours)], factory: registry)
    durations = ByCode { code in
      Timer(
        label: "grpc_server_call_duration_seconds",
        dimensions: [("grpc_method", theirs), ("grpc_status", code.name)], factory: registry)
    }
    func sizes(_ label: String) -> ByCode<Recorder> {
      ByCode { code in
        Recorder(
          label: label, dimensions: [("grpc_method", theirs), ("grpc_status", code.name)],
          aggregate: true, factory: registry)
      }
    }
    received = sizes("grpc_server_call_rcvd_total_compressed_message_size_bytes")
    sent = sizes("grpc_server_call_sent_total_compressed_message_size_bytes")
  }

  func callStarted() { started.increment() }

  func callEnded(_ call: CallSummary) {
    codes[call.code]?.increment()
    duration.recordNanoseconds(call.nanoseconds)
    durations[call.code]?.recordNanoseconds(call.nanoseconds)
    received[call.code]?.record(call.receivedBytes)
    sent[call.code]?.record(call.sentBytes)
  }

  /// What they mean, for people.
  static func describe(in registry: PrometheusRegistry) {
    for (name, help) in [
      ("progressor_calls_total", "Calls of clients that ended, by method and code."),
      ("progressor_call_duration_seconds", "From a call's header fields to its answer."),
      ("grpc_server_call_started_total", "Calls of clients that began."),
      ("grpc_server_call_duration_seconds", "From a call's header fields to its answer."),
      (
        "grpc_server_call_rcvd_total_compressed_message_size_bytes",
        "Bytes of a call's requests as they came."
      ),
      (
        "grpc_server_call_sent_total_compressed_message_size_bytes",
        "Bytes of a call's responses as they were sent."
      ),
    ] { registry.describe(name, help) }
  }
}
