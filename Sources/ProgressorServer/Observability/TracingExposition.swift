import PrometheusMetrics

/// What became of the spans of traces.
struct TracingExposition {
  private let statistics: SpanExporter.Statistics

  init(_ statistics: SpanExporter.Statistics) { self.statistics = statistics }

  func write(to exposition: inout Exposition) {
    exposition.family(
      "progressor_spans_exported_total", .counter, "Spans that the collector took.")
    exposition.sample(statistics.exported)
    exposition.family("progressor_spans_waiting", .gauge, "Spans that wait to be exported.")
    exposition.sample(statistics.waiting)
    exposition.family(
      "progressor_spans_dropped_total", .counter,
      "Spans that were not exported: full = no room, expired = the collector was away too long, "
        + "refused = it wants none of a batch, rejected = not this one, stopped = with the server."
    )
    for loss in SpanQueue.Loss.allCases {
      exposition.sample(statistics.lost[loss.rawValue], [("reason", "\(loss)")])
    }
  }
}
