import GRPC
import NIOCore
import Synchronization

/// What the phases act on: who generates the load, who processes it, who measures it.
struct Stage: Sendable {
  var plan: Plan
  let generator: LoopThread
  let processor: BenchmarkProcessor
  let meter: Meter
  /// The port that is measured: the server's, or the processor's own.
  let port: Int
  /// The port of the processor.
  let processorPort: Int

  /// Lets callers call for a while and measures the middle of it.
  func measure(
    group: String, name: String, unit: Measurement.Unit, callers: Int, path: String,
    request: @escaping LoadGenerator.Request
  ) async throws -> Measurement {
    try await withCallers(callers, path: path, request: request) { load in
      load.start()
      try await Task.sleep(for: plan.warmUp)
      try await load.beginCounting()
      let start = try await meter.read()
      try await Task.sleep(for: plan.measuring)
      let count = try await load.counted()
      let end = try await meter.read()
      try await load.stop()
      return Measurement(
        group: group, name: name, unit: unit, steps: count.completed, from: start, to: end,
        latencies: count.latencies, failures: count.failures)
    }
  }

  /// Gives `body` a load generator with its own connections: one for each caller, four at the most.
  func withCallers<Result>(
    _ callers: Int, path: String, total: Int? = nil, request: @escaping LoadGenerator.Request,
    _ body: (LoadGenerator) async throws -> Result
  ) async throws -> Result {
    try await withChannel(port: port, connections: min(callers, 4), on: generator) { channel in
      try await body(
        LoadGenerator(
          channel: channel, path: path, callers: callers, total: total, request: request))
    }
  }

  /// Waits until every timer has fired and what it led to is committed, for 20 s at the most;
  /// answers whether that is so.
  func waitUntilQuiet() async throws -> Bool {
    try await wait(seconds: 20) { try await meter.probe.isQuiet() }
  }

  /// Waits until `condition` holds, for `seconds` at the most; answers whether it does.
  func wait(seconds: Int, until condition: () async throws -> Bool) async throws -> Bool {
    let deadline = NIODeadline.now() + .seconds(Int64(seconds))
    while try await !condition() {
      guard NIODeadline.now() < deadline else { return false }
      try await Task.sleep(for: .milliseconds(2))
    }
    return true
  }
}
