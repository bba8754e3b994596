import Logging
import PostgreSQL

/// Runs statements that build an index beside the traffic, and says every now and then how far they
/// are and whom they wait for: transactions that are open, in any schema of the database.
struct IndexBuild {
  let configuration: StorageConfiguration
  let connection: Connection
  let stop: StopSignal?
  let logger: Logger
  let metadata: Logger.Metadata
  /// Before the first line of the log, and between the others.
  let reports: (first: Duration, interval: Duration)

  /// An index of any size. That its builder is still there, TCP tells.
  static let timeout: Duration = .seconds(7 * 86_400)
  private static let questionTimeout: Duration = .seconds(5)

  /// Without a limit on locks: nobody waits for what waits here.
  func run(_ script: String) throws(PostgreSQLError) {
    let end = ContinuousClock.now + Self.timeout
    let builder = connection.backend.processID
    connection.patience = {
      guard .now < end else { return nil }
      report(on: builder)
      return reports.interval
    }
    defer { connection.patience = nil }
    try connection.runScript(script, timeout: reports.first)
  }

  /// Asks in a session of its own: the other one is busy.
  private func report(on builder: Int32) {
    var metadata = metadata
    do {
      let session = try Connection.open(configuration.settings(for: "migrator-watch"), stop: stop)
      defer { session.close() }
      let process = Parameters.with { $0.append(builder) }
      let progress: [String] = try session.run(
        Statements.schemaBuildProgress, process, timeout: Self.questionTimeout
      ).map { (row) throws(PostgreSQLError) in try row.value(0) }
      let blockers: [Int32] = try session.run(
        Statements.schemaBlockers, process, timeout: Self.questionTimeout
      ).map { (row) throws(PostgreSQLError) in try row.value(0) }
      if let progress = progress.first { metadata["progress"] = "\(progress)" }
      if !blockers.isEmpty {
        metadata["waits-for"] =
          "\(try session.descriptions(of: blockers, timeout: Self.questionTimeout))"
      }
    } catch {
      metadata["error"] = "\(error)"
    }
    logger.notice("an index is being built", metadata: metadata)
  }
}
