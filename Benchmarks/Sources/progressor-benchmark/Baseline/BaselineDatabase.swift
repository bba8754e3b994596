import Foundation
import PostgreSQL

/// A database with Progressor's tables and nobody but the baseline in it.
struct BaselineDatabase: Sendable {
  let connectionString: String

  private static let timeout = Duration.seconds(30)

  /// Makes the tables by the migrations of the server and fills in the machines.
  func prepare(migrations directory: String) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: directory)
      .filter { $0.hasSuffix(".sql") }.sorted()
    guard !files.isEmpty else { throw BenchmarkError("no migrations in \(directory)") }
    let connection = try connect()
    defer { connection.close() }
    try connection.runScript(
      """
      CREATE SCHEMA progressor;
      CREATE TABLE progressor.schema_migration (number int PRIMARY KEY, name text NOT NULL);
      """, timeout: Self.timeout)
    for file in files {
      let sql = try String(contentsOfFile: directory + "/" + file, encoding: .utf8)
      // Nobody is served yet: an index need not be built beside the traffic.
      try connection.runScript(sql.replacing(" CONCURRENTLY", with: ""), timeout: Self.timeout)
    }
    var starts = BaselineStarts(firstKey: 0)
    _ = try connection.run(
      starts.next(steps: Int(BaselineRun.machineCount)), timeout: Self.timeout)
  }

  /// A session as Progressor's own: durable commits, generic plans.
  func connect() throws -> Connection {
    var settings = ConnectionSettings(
      target: try ConnectionString(connectionString), applicationName: "benchmark baseline")
    settings.sessionParameters["search_path"] = "progressor"
    return try Connection.open(settings)
  }
}
