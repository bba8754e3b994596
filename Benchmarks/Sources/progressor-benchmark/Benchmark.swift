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
  /// Whether the server's memory is measured, and nothing else.
  let measuresMemory: Bool

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
    if !measuresMemory { try await measureBaselines(on: cluster, into: &report) }
    let generator = LoopThread()
    let processorThread = LoopThread()
    let processor = BenchmarkProcessor()
    let database = try await cluster.createDatabase()
    let probe = try DatabaseProbe(connectionString: database)
    report.postgreSQLVersion = try await probe.serverVersion()
    let processorPort = try await processor.start(on: processorThread)
    func stage(port: Int, server: Int32?) -> Stage {
      Stage(
        plan: plan, generator: generator, processor: processor,
        meter: Meter(
          probe: probe, generator: generator, processor: processorThread, server: server),
        port: port, processorPort: processorPort)
    }
    func withServer(_ program: String, _ body: (Stage) async throws -> Void) async throws {
      note("starting the server")
      let process = try await ServerProcess.start(
        program: program, cores: cores, databaseURL: database, processorPort: processorPort)
      do {
        try await process.waitUntilServing(on: generator)
        note("it serves as process \(process.processID)")
        try await body(stage(port: process.port, server: process.processID))
      } catch {
        note("the server's last words:\n\(process.logTail)")
        await process.stop()
        throw error
      }
      await process.stop()
    }
    if !measuresMemory {
      try await measureEcho(stage(port: processorPort, server: nil), into: &report)
    }
    if let server {
      let before = try await probe.progress()
      if measuresMemory {
        // Each with a server that has done nothing else: no memory of other work is used again.
        try await withServer(server) { try await measureWatches($0, into: &report) }
        try await withServer(server) { try await measurePendingMessages($0, into: &report) }
      } else {
        try await withServer(server) { try await measureServer($0, into: &report) }
      }
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
        PhaseResult(try await echo.calls($0, callers: callers))
      }
    }
  }

  func text(_ callers: Int) -> String { callers == 1 ? "1 caller" : "\(callers) callers" }

  func phase(
    _ name: String, of group: String, into report: inout Report,
    _ body: (String) async throws -> PhaseResult
  ) async throws {
    if let filter, !"\(group): \(name)".contains(filter) { return }
    note("\(group): \(name)")
    report.append(try await body(name))
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

  func note(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
  }
}
