import EmbeddedPostgreSQL
import Foundation
import Logging
import MachineModel
import Synchronization

/// A whole run: a private PostgreSQL, the baseline on it, the server on it, everything measured.
struct Benchmark: Sendable {
  let plan: Plan
  /// The `progressor` program; nil = only what needs no server.
  let server: String?
  /// How many engines the server has; nil = as many as it takes by itself.
  let cores: Int?
  let migrations: String
  /// Only measurements whose name contains this text.
  let filter: String?

  func run() async throws -> Report {
    var report = Report(engines: cores)
    note("starting PostgreSQL")
    let cluster = try await TemporaryServer(prefix: "progressor-benchmark")
    do {
      try await measure(on: cluster, into: &report)
      await cluster.stop()
      return report
    } catch {
      await cluster.stop()
      throw error
    }
  }

  private func measure(on cluster: TemporaryServer, into report: inout Report) async throws {
    try await measureBaselines(on: cluster, into: &report)
    let generator = LoopThread()
    let processorThread = LoopThread()
    let processor = BenchmarkProcessor()
    let database = try await cluster.createDatabase()
    let probe = try DatabaseProbe(connectionString: database)
    let processorPort = try await processor.start(on: processorThread)
    func stage(port: Int, server: Int32?) -> Stage {
      Stage(
        plan: plan, generator: generator, processor: processor,
        meter: Meter(
          probe: probe, generator: generator, processor: processorThread, server: server),
        port: port)
    }
    try await measureEcho(stage(port: processorPort, server: nil), into: &report)
    if let server {
      note("starting the server")
      let before = try await probe.progress()
      let process = try await ServerProcess.start(
        program: server, cores: cores, databaseURL: database, processorPort: processorPort)
      do {
        try await process.waitUntilServing(on: generator)
        note("it serves as process \(process.processID)")
        try await measureServer(
          stage(port: process.port, server: process.processID), into: &report)
      } catch {
        note("the server's last words:\n\(process.logTail)")
        await process.stop()
        throw error
      }
      await process.stop()
      report.storage = try await totals(probe, since: before, processor)
    }
    await processor.stop()
    await generator.shutDown()
    await processorThread.shutDown()
  }

  private func measureBaselines(
    on cluster: TemporaryServer, into report: inout Report
  ) async throws {
    let database = BaselineDatabase(connectionString: try await cluster.createDatabase())
    let probe = try DatabaseProbe(connectionString: database.connectionString)
    report.postgreSQLVersion = try await probe.serverVersion()
    try database.prepare(migrations: migrations)
    // Without them there are no ratios, so the filter does not count.
    for baseline in BaselineRun.all {
      note("\(Group.postgreSQL): \(baseline.name)")
      report.append(try await baseline.measure(database, probe: probe, plan: plan))
    }
  }

  private func measureEcho(_ stage: Stage, into report: inout Report) async throws {
    let echo = EchoPhases(stage: stage)
    for callers in [1, 16, 64] {
      try await phase("echo, \(text(callers))", of: Group.gRPC, into: &report) {
        [try await echo.calls($0, callers: callers)]
      }
    }
  }

  private func measureServer(_ stage: Stage, into report: inout Report) async throws {
    let requests = RequestPhases(stage: stage)
    let timers = TimerPhases(stage: stage)
    let group = Group.progressor
    let nothing = HistoryRange(limit: 0)
    let lastTen = HistoryRange(limit: 10, direction: .backward)
    for callers in [1, 16, 64, 256] {
      try await phase("calls, \(text(callers))", of: group, into: &report) {
        [try await requests.calls($0, callers: callers, wish: Wish.event, history: nothing)]
      }
    }
    try await phase("calls, 64, 10 events shown", of: group, into: &report) {
      [try await requests.calls($0, callers: 64, wish: Wish.event, history: lastTen)]
    }
    try await phase("queries, 64 callers", of: group, into: &report) {
      [try await requests.calls($0, callers: 64, wish: Wish.query, history: nothing)]
    }
    try await phase("starts, 64 callers", of: group, into: &report) {
      [try await requests.starts($0, callers: 64)]
    }
    try await phase("notifications, 64 callers", of: group, into: &report) {
      try await requests.notifications($0, callers: 64)
    }
    try await phase("zero timers, 64 machines", of: group, into: &report) {
      [try await timers.chains($0, machines: 64)]
    }
    try await phase("timers due at one time", of: group, into: &report) {
      [try await timers.dueAtOnce($0)]
    }
    try await phase("timers, one every 10 ms", of: group, into: &report) {
      [try await timers.lateness($0)]
    }
  }

  private func text(_ callers: Int) -> String { callers == 1 ? "1 caller" : "\(callers) callers" }

  private func phase(
    _ name: String, of group: String, into report: inout Report,
    _ body: (String) async throws -> [Measurement]
  ) async throws {
    if let filter, !"\(group): \(name)".contains(filter) { return }
    note("\(group): \(name)")
    for measurement in try await body(name) { report.append(measurement) }
  }

  private func totals(
    _ probe: DatabaseProbe, since start: DatabaseProbe.Progress, _ processor: BenchmarkProcessor
  ) async throws -> Report.StorageTotals {
    let end = try await probe.progress()
    let writing = end.transactionID - start.transactionID
    let all = try await probe.committedTransactions()
    return Report.StorageTotals(
      eventsAnswered: processor.events.load(ordering: .relaxed),
      eventsStored: Int(try await probe.storedEvents()), writingTransactions: Int(writing),
      readingTransactions: Int(max(0, all - writing)))
  }

  private func note(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
  }
}
