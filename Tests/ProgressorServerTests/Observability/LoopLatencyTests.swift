import NIOPosix
import PrometheusMetrics
import Testing

@testable import ProgressorServer

@Suite("The latency of a loop")
struct LoopLatencyTests {
  private static let millisecond: Int64 = 1_000_000

  private func recorded(_ latency: inout LoopLatency, at now: Int64) -> [Int64] {
    var recorded: [Int64] = []
    latency.ran(at: now * LoopLatencyTests.millisecond) {
      recorded.append($0 / LoopLatencyTests.millisecond)
    }
    return recorded
  }

  @Test("is how late a probe ran, an interval after the one before")
  func lateness() {
    var latency = LoopLatency(startingAt: 0)
    #expect(recorded(&latency, at: 50) == [0])
    #expect(recorded(&latency, at: 103) == [3])
    #expect(recorded(&latency, at: 150) == [0], "early ones are not late")
  }

  @Test("counts a standstill as often as it delayed a probe")
  func standstill() {
    var latency = LoopLatency(startingAt: 0)
    #expect(recorded(&latency, at: 260) == [210, 160, 110, 60, 10])
    #expect(recorded(&latency, at: 310) == [0])
  }

  @Test("costs a bounded effort after any standstill")
  func bounded() {
    var latency = LoopLatency(startingAt: 0)
    let hour = recorded(&latency, at: 3_600_000)
    #expect(hour.count == 1_200 && hour.first == 3_599_950 && hour.last == 3_540_000)
  }

  @Test("is measured on every loop of the server, the engine's by its name")
  func probes() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
    let registry = PrometheusRegistry()
    let probes = LoopProbes(
      LoopProbes.loops(of: group, engines: [group.next()]), registry: registry)
    var text = ""
    while text.components(of: "_count{").contains(where: { $0.hasSuffix(" 0") }) || text.isEmpty {
      try await group.any().scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
      var exposition = Exposition()
      registry.write(to: &exposition)
      text = exposition.text
    }
    probes.stop()
    try await group.shutdownGracefully()
    for loop in ["engine", "connections-1", "connections-2"] {
      #expect(text.contains("progressor_loop_latency_seconds_count{loop=\"\(loop)\"}"))
    }
  }
}

extension String {
  fileprivate func components(of part: String) -> [Substring] {
    split(separator: "\n").filter { $0.contains(part) }
  }
}
