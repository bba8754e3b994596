import PrometheusMetrics

/// What the sinks have done, as Prometheus' text.
struct SinkExposition {
  private let sinks: [SinkStatistics]

  init(_ sinks: [SinkStatistics]) { self.sinks = sinks }

  func write(to exposition: inout Exposition) {
    if sinks.isEmpty { return }
    let counters: [(String, KeyPath<SinkStatistics, UInt64>, String)] = [
      (
        "progressor_sink_delivered_total", \.delivered,
        "Entries of the feed that a sink's target has taken, repeated ones included."
      ),
      (
        "progressor_sink_parked_total", \.parked,
        "Entries that can never be delivered; the log says which and why."
      ),
      (
        "progressor_sink_failures_total", \.failures,
        "Deliveries of a sink that failed; they are tried again."
      ),
    ]
    for (name, value, help) in counters {
      exposition.family(name, .counter, help)
      for sink in sinks { exposition.sample(sink[keyPath: value], [("sink", sink.name)]) }
    }
    exposition.family(
      "progressor_sink_failing", .gauge, "1 = the last delivery of the sink failed.")
    for sink in sinks { exposition.sample(sink.isFailing ? 1 : 0, [("sink", sink.name)]) }
  }
}
