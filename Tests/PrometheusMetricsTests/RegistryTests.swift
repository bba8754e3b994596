import CoreMetrics
import PrometheusMetrics
import Testing

@Suite("The registry of metrics")
struct RegistryTests {
  private func text(_ registry: PrometheusRegistry) -> [Substring] {
    var exposition = Exposition()
    registry.write(to: &exposition)
    return exposition.text.split(separator: "\n")
  }

  @Test("What is counted, set and timed is shown")
  func kinds() {
    let registry = PrometheusRegistry(bounds: [1])
    registry.describe("calls_total", "Calls.")
    Counter(label: "calls_total", dimensions: [("code", "OK")], factory: registry).increment(by: 2)
    // The same name and labels are the same series.
    Counter(label: "calls_total", dimensions: [("code", "OK")], factory: registry).increment()
    Meter(label: "level", factory: registry).set(7)
    Timer(label: "wait_seconds", factory: registry).recordNanoseconds(1_500_000_000)
    FloatingPointCounter(label: "cost_total", factory: registry).increment(by: 0.5)
    let lines = text(registry)
    #expect(lines.contains("# HELP calls_total Calls."))
    #expect(lines.contains("calls_total{code=\"OK\"} 3"))
    #expect(lines.contains("level 7"))
    #expect(lines.contains("wait_seconds_bucket{le=\"1\"} 0"))
    #expect(lines.contains("wait_seconds_bucket{le=\"+Inf\"} 1"))
    #expect(lines.contains("wait_seconds_sum 1.5"))
    #expect(lines.contains("cost_total 0.5"))
    #expect(lines.contains("# TYPE cost_total counter"))
  }

  @Test("Histograms of bytes have bounds of their own")
  func sizes() {
    let registry = PrometheusRegistry(bounds: [1], sizeBounds: [1_024])
    Recorder(label: "size_bytes", aggregate: true, factory: registry).record(1_000)
    Recorder(label: "number", aggregate: true, factory: registry).record(1_000)
    let lines = text(registry)
    #expect(lines.contains("size_bytes_bucket{le=\"1024\"} 1"))
    #expect(lines.contains("size_bytes_sum 1000"))
    #expect(lines.contains("number_bucket{le=\"1\"} 0"))
  }

  @Test("Labels that only look alike are two series")
  func exactLabels() {
    let registry = PrometheusRegistry()
    for value in ["a\u{323}\u{307}", "a\u{307}\u{323}"] {
      Counter(label: "c_total", dimensions: [("n", value)], factory: registry).increment()
    }
    #expect(text(registry).filter { $0.hasPrefix("c_total{") }.count == 2)
  }

  @Test("Beyond the limit of series nothing is kept, and it is said how often")
  func bounded() {
    let registry = PrometheusRegistry(maximumSeries: 2)
    for number in 0..<5 {
      Counter(label: "c_total", dimensions: [("n", "\(number)")], factory: registry).increment()
    }
    let lines = text(registry)
    #expect(lines.filter { $0.hasPrefix("c_total{") }.count == 2)
    #expect(lines.contains("metrics_series_refused_total 3"))
  }

  @Test("A name has one kind: the second kind is not kept")
  func oneKind() {
    let registry = PrometheusRegistry()
    Counter(label: "x", factory: registry).increment()
    Meter(label: "x", factory: registry).set(5)
    let lines = text(registry)
    #expect(lines.contains("x 1"))
    #expect(!lines.contains("x 5"))
    #expect(lines.contains("metrics_series_refused_total 1"))
  }

  @Test("What is destroyed is shown no more, and makes room")
  func destroyed() {
    let registry = PrometheusRegistry(maximumSeries: 1)
    let counter = Counter(label: "a_total", factory: registry)
    counter.destroy()
    Counter(label: "b_total", factory: registry).increment()
    let lines = text(registry)
    #expect(!lines.contains { $0.hasPrefix("a_total") })
    #expect(lines.contains("b_total 1"))
  }

  @Test("Counts of several threads are all there")
  func concurrent() async {
    let registry = PrometheusRegistry(bounds: [1])
    let counter = Counter(label: "c_total", factory: registry)
    let timer = Timer(label: "t_seconds", factory: registry)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<1_000 {
            counter.increment()
            timer.recordNanoseconds(500_000_000)
          }
        }
      }
    }
    let lines = text(registry)
    #expect(lines.contains("c_total 4000"))
    #expect(lines.contains("t_seconds_sum 2000"))
    #expect(lines.contains("t_seconds_count 4000"))
  }
}
