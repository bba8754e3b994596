import CoreMetrics
import NIOCore
import PrometheusMetrics

/// Measures how late each event loop of the server is: twenty times a second on each, a few
/// microseconds each time.
struct LoopProbes: Sendable {
  private let tasks: [RepeatedTask]

  /// Begins to measure. `loops` are named by the label `loop`.
  init(_ loops: [(name: String, eventLoop: any EventLoop)], registry: PrometheusRegistry) {
    registry.describe(
      "progressor_loop_latency_seconds",
      "How late an event loop began what it had to do, measured every 50 ms.")
    tasks = loops.map { name, eventLoop in
      let histogram = Timer(
        label: "progressor_loop_latency_seconds", dimensions: [("loop", name)], factory: registry)
      let latency = NIOLoopBoundBox.makeBoxSendingValue(
        LoopLatency(startingAt: LoopProbes.now), eventLoop: eventLoop)
      let interval = TimeAmount.nanoseconds(LoopLatency.interval)
      return eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
        latency.value.ran(at: LoopProbes.now) { histogram.recordNanoseconds($0) }
      }
    }
  }

  /// Measures no more.
  func stop() {
    for task in tasks { task.cancel() }
  }

  /// The loops of a group, those of the engines first.
  static func loops(
    of group: some EventLoopGroup, engines: [any EventLoop]
  ) -> [(name: String, eventLoop: any EventLoop)] {
    let others = group.makeIterator().filter { loop in !engines.contains { $0 === loop } }
    let named = engines.enumerated().map { index, loop in
      (engines.count == 1 ? "engine" : "engine-\(index + 1)", loop)
    }
    return named
      + others.enumerated().map { ("connections-\($0.offset + 1)", $0.element) }
  }

  private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }
}
