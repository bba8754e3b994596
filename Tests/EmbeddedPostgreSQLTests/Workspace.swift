import Foundation
import Glibc
import Logging
import Testing

@testable import EmbeddedPostgreSQL

/// A temporary directory for one test, passable for the user that runs PostgreSQL for root.
final class Workspace: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/progressor-embedded-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o711)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func configuration(_ name: String = "data") -> PrivateServerConfiguration {
    var configuration = PrivateServerConfiguration(dataDirectory: path + "/" + name)
    configuration.initializesDurably = false
    return configuration
  }

  /// The processes that work in a directory, as all of PostgreSQL's do in its data.
  func processes(of name: String) throws -> [pid_t] {
    let files = FileManager.default
    let place = try #require(realpath(path + "/" + name, nil))
    defer { free(place) }
    return try files.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter {
      let directory = try? files.destinationOfSymbolicLink(atPath: "/proc/\($0)/cwd")
      return directory == String(cString: place)
    }
  }

  func write(_ text: String, to name: String) throws {
    let url = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }
}

func makeServer(_ configuration: PrivateServerConfiguration) -> PrivateServer {
  PrivateServer(
    configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
}

/// Starts a cluster, runs `body`, and stops it however `body` ends.
func withServer(
  _ configuration: PrivateServerConfiguration, _ body: (PrivateServer) async throws -> Void
) async throws {
  let cluster = makeServer(configuration)
  try await cluster.start()
  do {
    try await body(cluster)
  } catch {
    Issue.record(error)
  }
  await cluster.stop()
}

/// What starting it throws; when it starts nevertheless, it is stopped and the test fails.
func startFailure(_ configuration: PrivateServerConfiguration) async -> EmbeddedPostgreSQLError? {
  let cluster = makeServer(configuration)
  do {
    try await cluster.start()
    await cluster.stop()
    return nil
  } catch {
    return error
  }
}

struct QueryFailure: Error {
  let output: String
}

/// What `psql` prints for `sql`; throws a `QueryFailure` when it fails.
func query(_ sql: String, on cluster: PrivateServer) throws -> String {
  let program = try #require(cluster.installation).program("psql")
  let command = Command(
    program: program,
    arguments: [program, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, cluster.connectionString])
  let (status, output) = try ChildProcess.run(command)
  guard status.isSuccess else { throw QueryFailure(output: output) }
  return output.trimmingCharacters(in: .whitespacesAndNewlines)
}

/// Expects `psql` to print `answer` for `sql`.
func expect(
  _ answer: String, from sql: String, on cluster: PrivateServer,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let found = try query(sql, on: cluster)
  #expect(found == answer, "\(sql)", sourceLocation: sourceLocation)
}

/// Waits until `condition` holds.
func eventually(_ condition: () throws -> Bool) async throws {
  let deadline = ContinuousClock.now.advanced(by: .seconds(30))
  while try !condition() {
    try #require(ContinuousClock.now < deadline, "the condition never held")
    await Task.yield()
  }
}

func isAlive(_ process: pid_t) -> Bool {
  kill(process, 0) == 0 || errno == EPERM
}
