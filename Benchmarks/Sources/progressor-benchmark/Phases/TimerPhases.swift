import MachineModel
import NIOCore
import ProgressorProto
import Synchronization

/// What machines do by themselves. Every timeout is a step that appends an event.
struct TimerPhases: Sendable {
  let stage: Stage

  /// Machines that set a timer of zero again with each timeout.
  func chains(_ name: String, machines: Int) async throws -> Measurement {
    let processor = stage.processor
    processor.rearms.store(true, ordering: .relaxed)
    let ids = (0..<machines).map { machineID("chain/\($0)") }
    try await RequestPhases(stage: stage).start(ids, args: [Wish.chain])
    try await Task.sleep(for: stage.plan.warmUp)
    let before = processor.timeouts.load(ordering: .relaxed)
    let start = try await stage.meter.read()
    try await Task.sleep(for: stage.plan.measuring)
    let after = processor.timeouts.load(ordering: .relaxed)
    let end = try await stage.meter.read()
    processor.rearms.store(false, ordering: .relaxed)
    // Their last timeouts, which set no timer.
    let isQuiet = try await stage.waitUntilQuiet()
    var result = Measurement(
      group: Group.progressor, name: name, unit: .step, steps: after - before, from: start, to: end)
    if !isQuiet { result.failures["no end within 20 s"] = 1 }
    result.generatorCPU = nil
    return result
  }

  /// Timers that are all due at one time: from then to the last of them.
  func dueAtOnce(_ name: String) async throws -> Measurement {
    let plan = stage.plan
    let lead = NIODeadline.now() + .nanoseconds(plan.measuring.nanoseconds) + .milliseconds(1_500)
    let due = Timestamp.now.advanced(byMicroseconds: plan.measuring.nanoseconds / 1_000 + 1_500_000)
    let request: LoadGenerator.Request = { _, number in
      let id = machineID(TimedID.make("due", due: due, number: number))
      return ByteBuffer(bytes: StartRequest(machineID: id, args: [Wish.timer]).encoded())
    }
    let started = try await stage.withCallers(
      64, path: RequestPhases.service + "Start", total: plan.timers, request: request
    ) { load in
      load.start()
      try await Task.sleep(for: plan.measuring)
      try await load.stop()
      return try await load.counted()
    }
    let before = stage.processor.timeouts.load(ordering: .relaxed)
    _ = stage.processor.takeLateness()
    try await Task.sleep(for: .nanoseconds((lead - .now()).nanoseconds))
    let start = try await stage.meter.read()
    let isComplete = try await stage.waitUntilQuiet()
    let end = try await stage.meter.read()
    let lateness = stage.processor.takeLateness()
    var result = Measurement(
      group: Group.progressor, name: name, unit: .step,
      steps: stage.processor.timeouts.load(ordering: .relaxed) - before, from: start, to: end,
      latencies: lateness, failures: started.failures)
    if !isComplete { result.failures["no timeout within 20 s"] = started.completed - result.steps }
    result.generatorCPU = nil
    return result
  }

  /// One timer every 10 ms on a server that does nothing else: how late is it?
  func lateness(_ name: String) async throws -> Measurement {
    let count = Int(min(stage.plan.measuring.nanoseconds / 10_000_000, 300))
    let first = Timestamp.now.advanced(byMicroseconds: 1_500_000)
    let ids = (0..<count).map { number in
      let due = first.advanced(byMicroseconds: Int64(number) * 10_000)
      return machineID(TimedID.make("late", due: due, number: number))
    }
    try await RequestPhases(stage: stage).start(ids, args: [Wish.timer])
    _ = stage.processor.takeLateness()
    let wait = first.microseconds - Timestamp.now.microseconds
    try await Task.sleep(for: .microseconds(max(0, wait)))
    let start = try await stage.meter.read()
    try await Task.sleep(for: .milliseconds(10 * count))
    let isComplete = try await stage.waitUntilQuiet()
    let end = try await stage.meter.read()
    var result = Measurement(
      group: Group.progressor, name: name, unit: .query, steps: count, from: start, to: end,
      latencies: stage.processor.takeLateness())
    if !isComplete { result.failures["no timeout within 20 s"] = 1 }
    result.generatorCPU = nil
    return result
  }
}

extension Duration {
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
