import NIOCore

/// Everything that is read at the beginning and at the end of a measurement.
struct Reading: Sendable {
  var time: Double
  var server: Double?
  /// By process id.
  var backends: [Int32: Double]
  var generator: Double
  var processor: Double?
  var cores: (total: Double, idle: Double)
  var database: DatabaseProbe.Progress

  /// What the backends have used since `start`, in seconds. What ended meanwhile is not counted.
  func backendTime(since start: Reading) -> Double {
    backends.reduce(0) { $0 + $1.value - (start.backends[$1.key] ?? 0) }
  }
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
    var backends: [Int32: Double] = [:]
    for backend in try await probe.backends() {
      backends[backend] = KernelClock.cpuTime(ofProcess: backend)
    }
    return Reading(
      time: Double(NIODeadline.now().uptimeNanoseconds) / 1e9,
      server: server.flatMap { KernelClock.cpuTime(ofProcess: $0) },
      backends: backends,
      generator: await generator?.cpuTime() ?? KernelClock.cpuTimeOfThisProcess,
      processor: await processor?.cpuTime(),
      cores: KernelClock.ticksOfAllCores,
      database: try await probe.progress())
  }
}
