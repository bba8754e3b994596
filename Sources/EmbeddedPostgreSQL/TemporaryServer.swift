import Foundation
import Glibc
public import Logging
import Synchronization

/// A cluster in a temporary directory, for tests and benchmarks: with the durability of a real one,
/// removed when the process ends.
public final class TemporaryServer: Sendable {
  /// The cluster itself, for its socket and its stop.
  public let cluster: PrivateServer
  private let directory: String
  private let databases = Atomic<Int>(0)

  /// Makes and starts one. The directory begins with `prefix`; what a killed process left under
  /// the same prefix is removed first.
  public init(
    prefix: String = "progressor-test", logger: Logger = Logger(label: "postgresql")
  ) async throws(EmbeddedPostgreSQLError) {
    Self.removeAbandoned(prefix: prefix)
    var template = Array("/tmp/\(prefix)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw .system("cannot make a directory in /tmp") }
    directory = String(
      decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(directory, 0o711)
    var configuration = PrivateServerConfiguration(dataDirectory: directory + "/data")
    configuration.initializesDurably = false
    configuration.stopsImmediately = true
    // Tests run a dozen nodes at once, each with its sessions.
    configuration.settings = ["max_connections": "256"]
    var logger = logger
    logger.logLevel = .warning
    cluster = PrivateServer(configuration: configuration, logger: logger)
    do {
      try await cluster.start()
    } catch {
      try? FileManager.default.removeItem(atPath: directory)
      throw error
    }
  }

  /// The one cluster of this process, started at first use and removed at exit.
  public static func shared() async throws -> TemporaryServer {
    try await sharedTask.value
  }

  private static let sharedTask = Task {
    let temporary = try await TemporaryServer()
    atExit.withLock { $0 = temporary }
    atexit { TemporaryServer.atExit.withLock { $0?.remove() } }
    return temporary
  }

  private static let atExit = Mutex<TemporaryServer?>(nil)

  /// Makes an empty database and returns its connection string.
  public func createDatabase() async throws(EmbeddedPostgreSQLError) -> String {
    guard let installation = cluster.installation, let socket = cluster.socketPath else {
      throw EmbeddedPostgreSQLError(.stopped, "the cluster is not running")
    }
    let number = databases.wrappingAdd(1, ordering: .relaxed).newValue
    let program = installation.program("createdb")
    let name = "test_\(number)"
    let command = Command(
      program: program,
      arguments: [program, "-h", socket, "-U", ClusterNames().user, "-T", "template0", name])
    let result = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          returning: Result { () throws(EmbeddedPostgreSQLError) in try ChildProcess.run(command) })
      }
    }
    let (status, output) = try result.get()
    guard status.isSuccess else {
      throw EmbeddedPostgreSQLError(.startFailed, "cannot make a database: \(output)")
    }
    return PrivateServer.connectionString(socketDirectory: socket, database: name)
  }

  /// Stops PostgreSQL and removes the directory.
  public func stop() async {
    await cluster.stop()
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// Stops the cluster and removes its directory at exit, where nothing can be awaited and nobody
  /// needs the data.
  private func remove() {
    let ended = DispatchSemaphore(value: 0)
    let cluster = cluster
    Task.detached {
      await cluster.stop()
      ended.signal()
    }
    _ = ended.wait(timeout: .now() + .seconds(15))
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// Removes directories of this user whose lock nobody holds and in which nothing runs.
  private static func removeAbandoned(prefix: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? []
    for name in names where name.hasPrefix(prefix + "-") {
      let directory = "/tmp/" + name
      guard let status = try? FileStatus(of: directory, followingLinks: false),
        status.isDirectory, status.owner == geteuid(),
        access(directory + "/data/postgres", F_OK) == 0,
        let lock = try? DataDirectoryLock(file: directory + "/data/lock")
      else { continue }
      withExtendedLifetime(lock) {
        guard Orphan(inCluster: directory + "/data/postgres") == nil else { return }
        try? FileManager.default.removeItem(atPath: directory)
      }
    }
  }
}
