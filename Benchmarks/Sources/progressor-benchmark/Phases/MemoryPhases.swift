import MachineModel
import NIOCore
import ProgressorProto

/// What the server holds for what only waits.
struct MemoryPhases: Sendable {
  let stage: Stage
  let memory: IdleMemory

  private static let senders = 100
  private static let pending = 100_000
  private static let watches = 10_000

  /// Messages that are due in a day. Those of the first calls are not counted: what the server
  /// keeps of its work is there by then.
  func pendingMessages(_ name: String) async throws -> [Finding] {
    let ids = (0..<Self.senders).map { machineID("delay/\($0)", in: ComparedNamespaces.plain) }
    try await RequestPhases(stage: stage).start(ids, args: [0])
    try await send(from: ids, calls: Self.senders)
    let before = try await memory.settled()
    let first = try await stage.meter.probe.pendingMessages()
    try await send(from: ids, calls: Self.pending / Delayed.messages)
    let added = try await stage.meter.probe.pendingMessages() - first
    guard added == Self.pending else {
      throw BenchmarkError("\(added) messages are pending, not \(Self.pending)")
    }
    return compared(name, before, try await memory.settled(), of: Self.pending, goal: nil)
  }

  /// Watches of as many machines, to which nothing happens. Their connections count.
  func idleWatches(_ name: String) async throws -> [Finding] {
    let ids = (0..<Self.watches).map { machineID("watch/\($0)", in: ComparedNamespaces.plain) }
    try await RequestPhases(stage: stage).start(ids, args: [0])
    let before = try await memory.settled()
    let crowd = WatchCrowd(port: stage.port, machines: ids, on: stage.generator)
    try await crowd.open()
    let after = try await memory.settled()
    let lost = try await crowd.close()
    if lost > 0 { throw BenchmarkError("\(lost) watches ended by themselves") }
    return compared(name, before, after, of: Self.watches, goal: .atMost(4096))
  }

  private func send(from ids: [MachineID], calls: Int) async throws {
    let requests = ids.map { id in
      ByteBuffer(bytes: CallRequest(machineID: id, args: [Wish.delay]).encoded())
    }
    let request: LoadGenerator.Request = { _, number in requests[number % requests.count] }
    let count = try await stage.withCallers(
      16, path: RequestPhases.service + "Call", total: calls, request: request
    ) { load in
      load.start()
      try await load.finish()
      return try await load.counted()
    }
    if let failure = count.firstFailure {
      throw BenchmarkError("a call failed: \(failure.code.name) \(failure.message)")
    }
  }

  private func compared(
    _ name: String, _ before: Int, _ after: Int, of number: Int, goal: Finding.Goal?
  ) -> [Finding] {
    func mebibytes(_ bytes: Int) -> Double { Double(bytes) / 1_048_576 }
    return [
      Finding(
        name: name, unit: .mebibytes, reference: mebibytes(before), found: mebibytes(after)),
      Finding(
        name: name, unit: .bytesEach, found: Double(after - before) / Double(number), goal: goal),
    ]
  }
}
