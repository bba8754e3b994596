import Foundation
public import Logging
import Synchronization

/// A private PostgreSQL cluster in a data directory: made if there is none, started, watched,
/// started again if it dies, and stopped.
///
/// Only one `PrivateServer` holds a data directory, machine-wide. If this process is killed, the
/// kernel tells PostgreSQL to shut down; what is left of it is stopped by the next start.
public final class PrivateServer: Sendable {
  private let supervisor: ServerSupervisor

  /// Starts nothing yet: `start()` does. What PostgreSQL says goes to `logger`.
  public init(configuration: PrivateServerConfiguration, logger: Logger) {
    supervisor = ServerSupervisor(configuration: configuration, logger: logger)
  }

  /// Starts the cluster and returns when it accepts connections. Once only.
  ///
  /// Throws when it cannot: the error says what to do. Nothing is running then, and nothing that
  /// could hold data was changed.
  public func start() async throws(EmbeddedPostgreSQLError) {
    let result = await withCheckedContinuation { continuation in
      supervisor.start { continuation.resume(returning: $0) }
    }
    try result.get()
  }

  /// Shuts PostgreSQL down, ending its sessions, and returns when it has ended and the data
  /// directory is free. Any number of times, also during `start`.
  ///
  /// - Parameter timeout: how long a fast shutdown may take; nil = `stopTimeout`. One that takes
  ///   longer is over some seconds later in any case: processes that do not end are killed.
  public func stop(within timeout: Duration? = nil) async {
    await withCheckedContinuation { continuation in
      supervisor.stop(within: timeout) { continuation.resume() }
    }
  }

  /// For libpq. It stays the same while the cluster is running. Empty before `start`.
  public var connectionString: String {
    supervisor.socketDirectory.map { Self.connectionString(socketDirectory: $0.path) } ?? ""
  }

  /// The postmaster's process id; nil when none is running.
  public var processID: Int32? { supervisor.processID }

  /// Where the programs are that run the cluster; nil before `start`.
  var installation: Installation? { supervisor.installation }

  var socketPath: String? { supervisor.socketDirectory?.path }

  static func connectionString(socketDirectory: String, database: String? = nil) -> String {
    // libpq's quoting: a backslash before a quote and a backslash.
    let host = socketDirectory.replacingOccurrences(of: "\\", with: "\\\\")
      .replacingOccurrences(of: "'", with: "\\'")
    let names = ClusterNames()
    return "host='\(host)' port=\(SocketDirectory.port) user=\(names.user)"
      + " dbname=\(database ?? names.database)"
  }
}
