import MachineModel
import NIOCore
import ProgressorProto

/// What the feed costs callers, and how soon it is told.
struct FeedPhases: Sendable {
  let stage: Stage

  /// Calls in a namespace without a feed and in one with it, in turn; nobody subscribes.
  func cost(_ name: String, callers: Int) async throws -> PhaseResult {
    var slices = stage
    slices.plan.warmUp = stage.plan.sliceWarmUp
    slices.plan.measuring = stage.plan.slice
    let plain = try await requests(ComparedNamespaces.plain, name, callers)
    let followed = try await requests(ComparedNamespaces.followed, name, callers)
    func slice(_ label: String, _ requests: [ByteBuffer]) async throws -> Measurement {
      try await slices.measure(
        group: Group.progressor, name: "\(name), \(label)", unit: .step, callers: callers,
        path: RequestPhases.service + "Call"
      ) { caller, _ in requests[caller] }
    }
    let outcome = try await Alternation(rounds: stage.plan.rounds).run(
      { try await slice("off", plain) }, { try await slice("on", followed) })
    return PhaseResult(
      measurements: outcome.middle,
      findings: [
        outcome.compared(
          "\(name), off and on", by: \.stepsPerSecond, .callsPerSecond, goal: .atLeast(0.85)),
        outcome.compared("\(name), off and on", by: \.storingCPU, .cpuPerCall, goal: nil),
      ])
  }

  /// Calls while a subscriber follows: how long after the end of its step an event is there.
  func lag(_ name: String, callers: Int) async throws -> PhaseResult {
    let thread = LoopThread()
    let result = try await withChannel(port: stage.port, connections: 1, on: thread) { channel in
      let follower = FeedFollower(channel: channel)
      try await follower.follow(ComparedNamespaces.followed)
      let result = try await lag(name, callers, follower)
      await follower.stop()
      return result
    }
    await thread.shutDown()
    return result
  }

  private func lag(
    _ name: String, _ callers: Int, _ follower: FeedFollower
  ) async throws -> PhaseResult {
    let eventsBefore = stage.processor.events.load(ordering: .relaxed)
    let requests = try await requests(ComparedNamespaces.followed, name, callers)
    let plan = stage.plan
    let request: LoadGenerator.Request = { caller, _ in requests[caller] }
    return try await stage.withCallers(
      callers, path: RequestPhases.service + "Call", request: request
    ) { load in
      load.start()
      try await Task.sleep(for: plan.warmUp)
      try await load.beginCounting()
      try await follower.beginCounting()
      let start = try await stage.meter.read()
      try await Task.sleep(for: plan.measuring)
      let count = try await load.counted()
      let lags = try await follower.counted().lags
      let end = try await stage.meter.read()
      try await load.stop()
      let answered = stage.processor.events.load(ordering: .relaxed) - eventsBefore
      _ = try await stage.wait(seconds: 20) { try await follower.counted().events >= answered }
      let told = try await follower.counted()
      let calls = Measurement(
        group: Group.progressor, name: name, unit: .step, steps: count.completed, from: start,
        to: end, latencies: count.latencies, failures: count.failures)
      var entries = Measurement(
        group: Group.progressor, name: "  told meanwhile", unit: .step, steps: lags.count,
        from: start, to: end, latencies: lags, failures: told.problems(expected: answered))
      entries.dropShares()
      return PhaseResult(measurements: [calls, entries], findings: findings(name, lags))
    }
  }

  private func findings(_ name: String, _ lags: Histogram) -> [Finding] {
    func finding(_ share: Double, _ label: String, _ goal: Finding.Goal?) -> Finding {
      Finding(
        name: "\(name), lag \(label)", unit: .milliseconds,
        found: Double(lags.percentile(share) ?? 0) / 1e6, goal: goal)
    }
    return [finding(0.5, "p50", nil), finding(0.99, "p99", .atMost(50))]
  }

  /// A call for each caller, to a machine of its own that is started here.
  private func requests(
    _ namespace: String, _ name: String, _ callers: Int
  ) async throws -> [ByteBuffer] {
    let ids = (0..<callers).map { machineID("\(name)/\($0)", in: namespace) }
    try await RequestPhases(stage: stage).start(ids, args: [0])
    return ids.map { id in
      ByteBuffer(bytes: CallRequest(machineID: id, args: [Wish.event]).encoded())
    }
  }
}
