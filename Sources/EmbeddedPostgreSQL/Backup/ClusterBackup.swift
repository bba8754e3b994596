import Foundation
import Glibc
public import Logging

/// Backups of a private cluster by pg_basebackup: of one that serves, without disturbing it, or of
/// one that is stopped.
public struct ClusterBackup: Sendable {
  private let dataDirectory: String
  private let destination: String
  private let program: String
  private let logger: Logger

  /// Where it grows: it has the destination's name only when it is complete.
  private var partial: String { destination + ".partial" }

  /// - Parameters:
  ///   - dataDirectory: Of the server.
  ///   - destination: A folder that is not there, or is empty.
  ///   - program: The version of this program, for people.
  public init(dataDirectory: String, destination: String, program: String, logger: Logger) {
    self.dataDirectory = dataDirectory
    self.destination =
      destination.count > 1 && destination.hasSuffix("/")
      ? String(destination.dropLast()) : destination
    self.program = program
    self.logger = logger
  }

  /// Makes the backup. Nothing that looks like one is left when it throws, or is interrupted.
  public func make() async throws(EmbeddedPostgreSQLError) -> BackupFacts {
    let directory = resolvedPath(dataDirectory)
    let cluster = ClusterDirectory(path: directory + "/postgres")
    guard case .cluster(let majorVersion, let owner) = try cluster.inspect() else {
      throw EmbeddedPostgreSQLError(
        .inaccessible, "there is no PostgreSQL cluster in \(dataDirectory)",
        advice: "name the server's data directory; a database of its own is backed up by its own "
          + "means")
    }
    guard try RestoredMark.read(dataDirectory: directory) == nil else {
      throw EmbeddedPostgreSQLError(
        .damaged, "\(dataDirectory) was restored and does not go on so far: keep its backup")
    }
    let account = try ServerAccount(ownerOfCluster: owner)
    let installation = try Installation.find(in: nil, majorVersion: majorVersion)
    let lock = try beginPartial(account)
    defer { withExtendedLifetime(lock) {} }
    let facts: BackupFacts
    do throws(EmbeddedPostgreSQLError) {
      try tryName()
      let beganAt = Date()
      try await copy(directory, installation, account)
      facts = BackupFacts(
        beganAt: beganAt, endedAt: Date(), postgreSQL: majorVersion, program: program)
      try complete(facts)
    } catch {
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
    // Only now, when nobody can take it for one that was interrupted.
    unlink(destination + "/lock")
    let parent = (destination as NSString).deletingLastPathComponent
    try synchronizeDirectory(parent.isEmpty ? "." : parent)
    return facts
  }

  private func beginPartial(
    _ account: ServerAccount
  ) throws(EmbeddedPostgreSQLError) -> DataDirectoryLock {
    if try FileStatus(of: destination) != nil {
      let entries = try? FileManager.default.contentsOfDirectory(atPath: destination)
      guard entries?.isEmpty == true else {
        throw EmbeddedPostgreSQLError(
          .inaccessible, "\(destination) is there, and is no empty directory",
          advice: "name a directory that is not there")
      }
    }
    if try FileStatus(of: partial) != nil {
      // Of a backup that was interrupted: nobody has its lock.
      let lock = try lockPartial()
      try? FileManager.default.removeItem(atPath: partial)
      withExtendedLifetime(lock) {}
    }
    try makeDirectory(partial, mode: 0o700, ownedBy: account)
    try account.checkAccess(to: resolvedPath(partial))
    return try lockPartial()
  }

  private func lockPartial() throws(EmbeddedPostgreSQLError) -> DataDirectoryLock {
    do { return try DataDirectoryLock(file: partial + "/lock") } catch {
      guard error.kind == .inUse else { throw error }
      throw EmbeddedPostgreSQLError(.inUse, "another backup to \(destination) is under way")
    }
  }

  /// Copies the cluster, of the server that runs or of one that is started for it.
  private func copy(
    _ directory: String, _ installation: Installation, _ account: ServerAccount
  ) async throws(EmbeddedPostgreSQLError) {
    if isServing(directory) {
      let socket = try SocketDirectory(forDataDirectory: directory, account: account)
      return try await run(installation, account, socket: socket.path)
    }
    let server = PrivateServer(
      configuration: PrivateServerConfiguration(dataDirectory: directory), logger: logger)
    try await server.start()
    let result: Result<Void, EmbeddedPostgreSQLError>
    do throws(EmbeddedPostgreSQLError) {
      try await run(installation, account, socket: server.socketPath ?? "")
      result = .success(())
    } catch { result = .failure(error) }
    await server.stop()
    try result.get()
  }

  private func isServing(_ directory: String) -> Bool {
    guard let lock = try? DataDirectoryLock(file: directory + "/lock") else { return true }
    withExtendedLifetime(lock) {}
    return false
  }

  private func run(
    _ installation: Installation, _ account: ServerAccount, socket: String
  ) async throws(EmbeddedPostgreSQLError) {
    let program = installation.program("pg_basebackup")
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw EmbeddedPostgreSQLError(
        .notInstalled, "\(program) is missing",
        advice: "run `apt-get install postgresql-client-\(installation.majorVersion)`")
    }
    // What has begun by the checkpoint is awaited; the write-ahead log comes beside the files.
    let command = try account.command(
      program,
      [
        "-h", socket, "-p", "\(SocketDirectory.port)", "-U", ClusterNames().user, "-w",
        "-D", resolvedPath(partial) + "/postgres", "-X", "stream", "-c", "fast", "-l",
        "progressor backup",
      ], dyingBy: .kill)
    let (status, output) = try await runAside(command)
    guard status.isSuccess else {
      throw EmbeddedPostgreSQLError(
        .startFailed,
        "cannot copy the cluster to \(destination): \(status): "
          + output.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  private func complete(_ facts: BackupFacts) throws(EmbeddedPostgreSQLError) {
    try writeDurably(facts, to: partial + "/" + BackupFacts.fileName)
    guard rename(partial, destination) == 0 else {
      throw .system("cannot rename \(partial) to \(destination)")
    }
  }

  /// Whether a folder beside the destination can take its place is known before the copy, which may
  /// take hours. An empty folder that is there is gone afterwards, as it is in the end.
  private func tryName() throws(EmbeddedPostgreSQLError) {
    let trial = partial + "/trial"
    guard mkdir(trial, 0o700) == 0 else { throw .system("cannot make \(trial)") }
    guard rename(trial, destination) == 0 else {
      let error = EmbeddedPostgreSQLError.system("cannot put a folder in place of \(destination)")
      rmdir(trial)
      throw EmbeddedPostgreSQLError(
        error.kind, error.message,
        advice: "where something is mounted, name a folder below it that is not there")
    }
    guard rmdir(destination) == 0 else { throw .system("cannot remove \(destination)") }
  }
}

/// Runs a program to its end on a thread of its own, with which it would end.
func runAside(
  _ command: Command
) async throws(EmbeddedPostgreSQLError) -> (status: ExitStatus, output: String) {
  let result = await withCheckedContinuation { continuation in
    Thread.detachNewThread {
      continuation.resume(
        returning: Result { () throws(EmbeddedPostgreSQLError) in try ChildProcess.run(command) })
    }
  }
  return try result.get()
}
