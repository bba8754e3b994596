import EmbeddedPostgreSQL
public import Logging
import NIOPosix
import ProgressorStorage

/// Backups of a server's own cluster, and data directories made of them.
public struct DataDirectoryBackup: Sendable {
  private let dataDirectory: String
  private let logger: Logger

  /// What is known of a backup.
  public struct Summary: Sendable, Hashable {
    /// What was acknowledged before is in it. RFC 3339.
    public var beganAt: String
    /// What was acknowledged afterwards is not.
    public var endedAt: String
    /// The major version of PostgreSQL that can read it.
    public var postgreSQL: Int
    /// The version of the program that made it.
    public var program: String

    init(_ facts: BackupFacts) {
      (beganAt, endedAt) = (facts.beganAt, facts.endedAt)
      (postgreSQL, program) = (facts.postgreSQL, facts.program)
    }
  }

  public init(dataDirectory: String, logger: Logger) {
    self.dataDirectory = dataDirectory
    self.logger = logger
  }

  /// Copies the cluster, which may serve, to a folder that is not there or is empty.
  public func make(at destination: String) async throws(NodeFailure) -> Summary {
    let backup = ClusterBackup(
      dataDirectory: dataDirectory, destination: destination, program: Version.current,
      logger: logger)
    do { return Summary(try await backup.make()) } catch {
      throw NodeFailure(error, directory: dataDirectory, doing: "the backup to \(destination)")
    }
  }

  /// Makes the data directory, which is not there or is empty. A server on it waits for
  /// `--accept-restored`, and finds all namespaces paused.
  public func restore(from backup: String) async throws(NodeFailure) -> Summary {
    let restore = ClusterRestore(backup: backup, dataDirectory: dataDirectory)
    do throws(EmbeddedPostgreSQLError) {
      let facts = try await restore.make()
      try await quieten(RestoredDatabase.pauseReason(facts))
      return Summary(facts)
    } catch {
      throw NodeFailure(error, directory: dataDirectory, doing: "restoring \(backup)")
    }
  }

  /// Also a program that knows nothing of the mark in the directory, an earlier version, is to
  /// repeat nothing.
  private func quieten(_ reason: String) async throws(EmbeddedPostgreSQLError) {
    let server = PrivateServer(
      configuration: PrivateServerConfiguration(dataDirectory: dataDirectory), logger: logger)
    try await server.start()
    let (database, logger) = (server.connectionString, logger)
    var problem: String?
    do {
      try await NIOThreadPool.singleton.runIfActive {
        var settings = try StorageConfiguration(connectionString: database)
        settings.isExclusive = true
        try DatabaseCare.quieten(settings, reason: reason, logger: logger)
      }
    } catch { problem = "\(error)" }
    await server.stop()
    guard let problem else { return }
    throw EmbeddedPostgreSQLError(
      .startFailed, "what was restored cannot be paused: \(problem)",
      advice: "it is restored and marked, and pauses itself with serve --accept-restored")
  }
}

extension NodeFailure {
  fileprivate init(_ error: EmbeddedPostgreSQLError, directory: String, doing what: String) {
    let failure = NodeFailure(error, directory: directory)
    self.init(failure.kind, "\(what): \(error.description)")
  }
}

/// A database that was put back to an earlier time, as the node meets it at its start.
struct RestoredDatabase {
  /// Where its mark is; nil = it is an external one.
  private let directory: String?
  /// Why its namespaces are paused.
  let pauseReason: String

  /// Nil = it was not restored, or has been accepted.
  ///
  /// - Throws: what to do when nobody said that it may go on.
  init?(_ database: NodeConfiguration.Database, isAccepted: Bool) throws(NodeFailure) {
    switch database {
    case .external:
      // Nobody but who says so knows.
      guard isAccepted else { return nil }
      directory = nil
      pauseReason = "the database was restored; --accept-restored"
    case .embedded(let path):
      let mark: RestoredMark?
      do { mark = try RestoredMark.read(dataDirectory: path) } catch {
        throw NodeFailure(error, directory: path)
      }
      guard let mark else { return nil }
      guard mark.isComplete else {
        throw NodeFailure(
          .dataDirectoryUnusable,
          "the data directory \(path) was not restored to the end: remove it, and restore again")
      }
      guard isAccepted else { throw RestoredDatabase.refusal(path, mark) }
      directory = path
      pauseReason = RestoredDatabase.pauseReason(mark.backup)
    }
  }

  static func pauseReason(_ backup: BackupFacts) -> String {
    "restored from the backup of \(backup.endedAt)"
  }

  private static func refusal(_ path: String, _ mark: RestoredMark) -> NodeFailure {
    NodeFailure(
      .restored,
      "the data directory \(path) was restored from a backup that began at \(mark.backup.beganAt) "
        + "and ended at \(mark.backup.endedAt): what was acknowledged since is not in it, and "
        + "what machines did since they would do again. Make sure that the server that it was "
        + "taken from does not run, and start once with --accept-restored: all namespaces are "
        + "paused then, and go on one by one by `progressor namespace resume`")
  }

  /// It was accepted: the next start needs no word.
  func accepted() throws(NodeFailure) {
    guard let directory else { return }
    do { try RestoredMark.remove(dataDirectory: directory) } catch {
      throw NodeFailure(error, directory: directory)
    }
  }
}
