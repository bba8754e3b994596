public import CoreMetrics
import Synchronization

/// A factory of swift-metrics whose metrics are shown as Prometheus' text.
///
/// Counters, meters, recorders (aggregated ones are histograms) and timers (histograms in seconds).
/// Bounded: beyond a number of series nothing new is kept, but counted in
/// `metrics_series_refused_total`; so that a label with too many values costs no memory.
public final class PrometheusRegistry: MetricsFactory {
  private enum Cell: Sendable {
    case counter(CounterCell)
    case total(GaugeCell)
    case gauge(GaugeCell)
    case histogram(HistogramCell)

    var kind: Exposition.Kind {
      switch self {
      case .counter, .total: .counter
      case .gauge: .gauge
      case .histogram: .histogram
      }
    }

    func isLike(_ other: Cell) -> Bool {
      kind == other.kind && type(of: object) == type(of: other.object)
    }

    var object: AnyObject {
      switch self {
      case .counter(let cell): cell
      case .total(let cell), .gauge(let cell): cell
      case .histogram(let cell): cell
      }
    }
  }

  private struct Series {
    let labels: Exposition.Labels
    let cell: Cell
  }

  private struct Family {
    /// By the bytes of their labels: `String` takes different texts for one.
    var series: [[UInt8]: Series] = [:]
  }

  private struct State {
    var families: [String: Family] = [:]
    var help: [String: String] = [:]
    var count = 0
    var refused = 0
  }

  private let state = Mutex(State())
  private let maximumSeries: Int
  private let bounds: [Double]
  private let sizeBounds: [Double]

  /// Upper bounds for durations in seconds, from 250 µs to 30 s.
  public static let durationBounds: [Double] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
  ]

  /// Upper bounds for sizes in bytes, up to 4 GiB, as gRFC A66 has them.
  public static let sizeBounds: [Double] = [
    0, 1_024, 2_048, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
    268_435_456, 1_073_741_824, 4_294_967_296,
  ]

  /// - Parameters:
  ///   - maximumSeries: distinct names and labels together.
  ///   - bounds: of all histograms, ascending; but of those in bytes.
  ///   - sizeBounds: of histograms whose names end in `_bytes`, ascending.
  public init(
    maximumSeries: Int = 5_000, bounds: [Double] = PrometheusRegistry.durationBounds,
    sizeBounds: [Double] = PrometheusRegistry.sizeBounds
  ) {
    self.maximumSeries = maximumSeries
    self.bounds = bounds
    self.sizeBounds = sizeBounds
  }

  /// Says what a metric means, for people.
  public func describe(_ label: String, _ help: String) {
    state.withLock { $0.help[MetricName.metric(label)] = help }
  }

  /// Writes every series, sorted by name and labels.
  public func write(to exposition: inout Exposition) {
    let (families, help, refused) = state.withLock { ($0.families, $0.help, $0.refused) }
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      let series = family.series.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
      guard let kind = series.first?.cell.kind else { continue }
      exposition.family(name, kind, help[name] ?? "")
      for one in series {
        switch one.cell {
        case .counter(let cell): exposition.sample(cell.value, one.labels)
        case .total(let cell), .gauge(let cell): exposition.sample(cell.value, one.labels)
        case .histogram(let cell): cell.write(to: &exposition, one.labels)
        }
      }
    }
    exposition.family(
      "metrics_series_refused_total", .counter, "Series that were not kept: there are too many.")
    exposition.sample(refused)
  }

  // MARK: MetricsFactory

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let cell = keep(label, dimensions) { .counter(CounterCell()) }
    if case .counter(let counter)? = cell { return counter }
    return NOOPMetricsHandler.instance
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    let cell = keep(label, dimensions) { .total(GaugeCell()) }
    if case .total(let total)? = cell { return total }
    return NOOPMetricsHandler.instance
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    let cell = keep(label, dimensions) { .gauge(GaugeCell()) }
    if case .gauge(let gauge)? = cell { return gauge }
    return NOOPMetricsHandler.instance
  }

  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    let bounds = label.hasSuffix("_bytes") ? sizeBounds : bounds
    let cell = keep(label, dimensions) {
      aggregate ? .histogram(HistogramCell(bounds: bounds)) : .gauge(GaugeCell())
    }
    switch cell {
    case .histogram(let histogram): return histogram
    case .gauge(let gauge): return gauge
    case .counter, .total, nil: return NOOPMetricsHandler.instance
    }
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    let bounds = bounds
    let cell = keep(label, dimensions) { .histogram(HistogramCell(bounds: bounds)) }
    if case .histogram(let histogram)? = cell { return histogram }
    return NOOPMetricsHandler.instance
  }

  public func destroyCounter(_ handler: any CounterHandler) { forget(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    forget(handler)
  }
  public func destroyMeter(_ handler: any MeterHandler) { forget(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { forget(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { forget(handler) }

  /// The cell of this name and these labels: the one that there is, or a new one; nil = there are
  /// too many, or the name is one of another kind.
  private func keep(
    _ label: String, _ dimensions: [(String, String)], _ make: () -> Cell
  ) -> Cell? {
    let name = MetricName.metric(label)
    let labels: Exposition.Labels = dimensions.map { (name: $0.0, value: $0.1) }
    let text = labels.map { "\($0.name.utf8.count):\($0.name)=\($0.value.utf8.count):\($0.value)" }
      .joined(separator: ",")
    let key = Array(text.utf8)
    return state.withLock { state in
      let cell = make()
      if let known = state.families[name]?.series[key]?.cell, known.isLike(cell) { return known }
      let kind = state.families[name]?.series.values.first?.cell.kind
      guard state.count < maximumSeries, kind == nil || kind == cell.kind,
        state.families[name]?.series[key] == nil
      else {
        state.refused += 1
        return nil
      }
      state.count += 1
      state.families[name, default: Family()].series[key] = Series(labels: labels, cell: cell)
      return cell
    }
  }

  private func forget(_ handler: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        for (key, series) in family.series where series.cell.object === handler {
          state.families[name]?.series[key] = nil
          if state.families[name]?.series.isEmpty == true { state.families[name] = nil }
          state.count -= 1
          return
        }
      }
    }
  }
}
