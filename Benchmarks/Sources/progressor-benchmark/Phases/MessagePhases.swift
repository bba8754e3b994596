import MachineModel
import NIOCore
import ProgressorProto
import Synchronization

/// What messages cost that steps send.
struct MessagePhases: Sendable {
  let stage: Stage

  /// Calls that append an event, and in turn calls that also notify another machine, which appends
  /// one, too. What was sent is delivered in the time that is measured.
  func cost(_ name: String, callers: Int) async throws -> PhaseResult {
    let ids = (0..<callers).map { machineID("\(name)/\($0)", in: ComparedNamespaces.plain) }
    try await RequestPhases(stage: stage).start(ids + ids.map(Partner.of), args: [0])
    func slice(_ label: String, wish: UInt8) async throws -> Measurement {
      let requests = ids.map { id in
        ByteBuffer(bytes: CallRequest(machineID: id, args: [wish]).encoded())
      }
      let request: LoadGenerator.Request = { caller, _ in requests[caller] }
      return try await stage.withCallers(
        callers, path: RequestPhases.service + "Call", request: request
      ) { try await measure("\(name), \(label)", sends: wish == Wish.send, $0) }
    }
    let outcome = try await Alternation(rounds: stage.plan.rounds).run(
      { try await slice("none sent", wish: Wish.event) },
      { try await slice("one sent", wish: Wish.send) })
    return PhaseResult(
      measurements: outcome.middle,
      findings: [
        outcome.compared(
          "\(name), none and one", by: \.stepsPerSecond, .callsPerSecond, goal: .atLeast(1 / 2.2)),
        outcome.compared(
          "\(name), none and one", by: \.storingCPU, .cpuPerCall, goal: .atMost(2.2)),
      ])
  }

  /// From the first call until the last message is delivered.
  private func measure(
    _ name: String, sends: Bool, _ load: LoadGenerator
  ) async throws -> Measurement {
    let deliveredBefore = delivered
    let start = try await stage.meter.read()
    load.start()
    try await Task.sleep(for: stage.plan.sliceWarmUp + stage.plan.slice)
    try await load.stop()
    let count = try await load.counted()
    var failures = count.failures
    if sends {
      let isDelivered = try await stage.wait(seconds: 20) {
        guard delivered - deliveredBefore >= count.completed else { return false }
        return try await stage.meter.probe.hasDeliveredMessages()
      }
      if !isDelivered {
        failures["a message that is not delivered"] =
          max(1, count.completed - (delivered - deliveredBefore))
      }
    }
    let end = try await stage.meter.read()
    return Measurement(
      group: Group.progressor, name: name, unit: .step, steps: count.completed, from: start,
      to: end, latencies: count.latencies, failures: failures)
  }

  private var delivered: Int { stage.processor.notifications.load(ordering: .relaxed) }
}
