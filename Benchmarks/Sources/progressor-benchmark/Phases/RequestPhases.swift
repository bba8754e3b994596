import MachineModel
import NIOCore
import ProgressorProto
import Synchronization

/// What clients ask for: calls, starts, notifications.
struct RequestPhases: Sendable {
  let stage: Stage

  static let service = "/progressor.v1.Automaton/"

  /// Calls that append an event, or change nothing; every caller has its own machine.
  func calls(
    _ name: String, callers: Int, wish: UInt8, history: HistoryRange
  ) async throws -> Measurement {
    let ids = (0..<callers).map { machineID("call/\(name)/\($0)") }
    try await start(ids, args: [0])
    let requests = ids.map { id in
      ByteBuffer(
        bytes: CallRequest(machineID: id, args: [wish], historyRange: history).encoded())
    }
    return try await stage.measure(
      group: Group.progressor, name: name, unit: wish == Wish.event ? .step : .query,
      callers: callers, path: Self.service + "Call"
    ) { caller, _ in requests[caller] }
  }

  /// New machines, each with its first event.
  func starts(_ name: String, callers: Int) async throws -> Measurement {
    try await stage.measure(
      group: Group.progressor, name: name, unit: .start, callers: callers,
      path: Self.service + "Start"
    ) { _, number in
      ByteBuffer(bytes: StartRequest(machineID: machineID("start/\(number)")).encoded())
    }
  }

  /// Notifications: how many are accepted, and how many are delivered meanwhile. Every delivery is
  /// a step that appends an event.
  func notifications(_ name: String, callers: Int) async throws -> [Measurement] {
    let ids = (0..<callers).map { machineID("notify/\($0)") }
    try await start(ids, args: [0])
    let requests = ids.map { id in
      ByteBuffer(
        bytes: NotifyRequest(machineID: id, args: [0], historyRange: HistoryRange(limit: 0))
          .encoded())
    }
    let plan = stage.plan
    let request: LoadGenerator.Request = { caller, _ in requests[caller] }
    return try await stage.withCallers(callers, path: Self.service + "Notify", request: request) {
      load in
      load.start()
      try await Task.sleep(for: plan.warmUp)
      try await load.beginCounting()
      let deliveredBefore = delivered
      let start = try await stage.meter.read()
      try await Task.sleep(for: plan.measuring)
      let count = try await load.counted()
      let deliveredNow = delivered - deliveredBefore
      let end = try await stage.meter.read()
      try await load.stop()
      try await deliverRest()
      let accepted = Measurement(
        group: Group.progressor, name: name, unit: .step, steps: count.completed, from: start,
        to: end, latencies: count.latencies, failures: count.failures)
      var rest = Measurement(
        group: Group.progressor, name: "  delivered meanwhile", unit: .step, steps: deliveredNow,
        from: start, to: end)
      rest.dropShares()
      return [accepted, rest]
    }
  }

  /// Starts machines and waits until they are there.
  func start(_ ids: [MachineID], args: [UInt8]) async throws {
    let request: LoadGenerator.Request = { _, number in
      ByteBuffer(bytes: StartRequest(machineID: ids[number], args: args).encoded())
    }
    let count = try await stage.withCallers(
      min(ids.count, 64), path: Self.service + "Start", total: ids.count, request: request
    ) { load in
      load.start()
      try await load.finish()
      return try await load.counted()
    }
    if let failure = count.firstFailure {
      throw BenchmarkError("machines could not be started: \(failure.code.name) \(failure.message)")
    }
  }

  private var delivered: Int { stage.processor.notifications.load(ordering: .relaxed) }

  /// Waits until no notification was delivered for half a second.
  private func deliverRest() async throws {
    var last = -1
    for _ in 0..<30 where last != delivered {
      last = delivered
      try await Task.sleep(for: .milliseconds(500))
    }
  }
}

func machineID(_ id: String, in namespace: String = Names.namespace) -> MachineID {
  MachineID(namespace: namespace, id: id)
}
