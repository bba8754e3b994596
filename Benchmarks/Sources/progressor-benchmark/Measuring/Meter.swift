import NIOCore

/// Everything that is read at the beginning and at the end of a measurement.
struct Reading: Sendable {
  var time: Double
  var server: Double?
  var backends: Double
  var generator: Double
  var processor: Double
  var cores: (total: Double, idle: Double)
  var database: DatabaseProbe.Progress
}

/// Reads who has used how much CPU, and what the database has written.
struct Meter: Sendable {
  let probe: DatabaseProbe
  /// The load generator's thread; nil = this process as a whole generates the load.
  let generator: LoopThread?
  /// The thread of the benchmark's processor.
  let processor: LoopThread?
  /// The process id of `progressor serve`.
  let server: Int32?

  func read() async throws -> Reading {
    let backends = try await probe.backends().compactMap { KernelClock.cpuTime(ofProcess: $0) }
    return Reading(
      time: Double(NIODeadline.now().uptimeNanoseconds) / 1e9,
      server: server.flatMap { KernelClock.cpuTime(ofProcess: $0) },
      backends: backends.reduce(0, +),
      generator: await generator?.cpuTime() ?? KernelClock.cpuTimeOfThisProcess,
      processor: await processor?.cpuTime() ?? 0,
      cores: KernelClock.ticksOfAllCores,
      database: try await probe.progress())
  }
}
