import Foundation
import Glibc

/// Makes a data directory of a backup. It is marked: a server on it does nothing by itself until
/// somebody says that it may (``RestoredMark``).
public struct ClusterRestore: Sendable {
  private let backup: String
  private let dataDirectory: String

  /// - Parameter dataDirectory: Not there, or empty.
  public init(backup: String, dataDirectory: String) {
    self.backup = backup
    self.dataDirectory = dataDirectory
  }

  /// Checks and copies the backup. The data directory is as it was when it throws.
  public func make() async throws(EmbeddedPostgreSQLError) -> BackupFacts {
    let facts = try BackupFacts(inBackup: backup)
    let copy = ClusterDirectory(path: backup + "/postgres")
    guard case .cluster(let majorVersion, _) = try copy.inspect() else {
      throw EmbeddedPostgreSQLError(.damaged, "there is no cluster in the backup \(backup)")
    }
    let installation = try Installation.find(in: nil, majorVersion: majorVersion)
    let wasThere = try checkTarget()
    try ServerLaunch.makeDataDirectory(dataDirectory)
    let directory = resolvedPath(dataDirectory)
    let account = try ServerAccount()
    do throws(EmbeddedPostgreSQLError) {
      try account.checkAccess(to: directory)
      let lock = try DataDirectoryLock(file: directory + "/lock")
      defer { withExtendedLifetime(lock) {} }
      try await restore(facts, copy.path, to: directory, installation, account)
      return facts
    } catch {
      var left = ["postgres.restoring", "restored.json.new", "lock"]
      // What could start stays marked.
      if !mayStart(directory) { left.append("restored.json") }
      for name in left { try? FileManager.default.removeItem(atPath: directory + "/" + name) }
      if !wasThere { rmdir(directory) }
      throw error
    }
  }

  /// Whether the directory is there, and empty.
  private func checkTarget() throws(EmbeddedPostgreSQLError) -> Bool {
    guard let status = try FileStatus(of: dataDirectory) else { return false }
    let entries = try? FileManager.default.contentsOfDirectory(atPath: dataDirectory)
    guard status.isDirectory, let entries, entries.allSatisfy({ $0 == "lost+found" }) else {
      throw EmbeddedPostgreSQLError(
        .inaccessible, "the data directory \(dataDirectory) is not an empty directory",
        advice: "restore to a new one: nothing is written over")
    }
    return true
  }

  private func restore(
    _ facts: BackupFacts, _ source: String, to directory: String, _ installation: Installation,
    _ account: ServerAccount
  ) async throws(EmbeddedPostgreSQLError) {
    var mark = RestoredMark(
      backup: facts, restoredAt: BackupFacts.text(Date()), isComplete: false)
    try mark.write(dataDirectory: directory)
    try await verify(source, installation)
    let growing = directory + "/postgres.restoring"
    try await run(
      "cp", ["-R", "--preserve=mode,timestamps", "--", source, growing],
      failing: "cannot copy \(source) to \(directory)")
    if account.isOther {
      try await run(
        "chown", ["-R", "\(account.userID):\(account.groupID)", "--", growing],
        failing: "cannot give \(growing) to the user \(account.name)")
    }
    guard chmod(growing, 0o700) == 0 else { throw .system("cannot set the mode of \(growing)") }
    let sync = try account.command(
      installation.program("initdb"), ["--sync-only", "-D", growing], dyingBy: .kill)
    let (status, output) = try await runAside(sync)
    guard status.isSuccess else {
      throw EmbeddedPostgreSQLError(
        .startFailed, "cannot write \(directory) to the disk: \(status): \(output)")
    }
    // From here on it would start, and is marked.
    mark.isComplete = true
    try mark.write(dataDirectory: directory)
    guard rename(growing, directory + "/postgres") == 0 else {
      throw .system("cannot rename \(growing)")
    }
    try synchronizeDirectory(directory)
  }

  /// There is a cluster, or nobody can tell.
  private func mayStart(_ directory: String) -> Bool {
    do { return try FileStatus(of: directory + "/postgres") != nil } catch { return true }
  }

  /// Compares every file with its checksum.
  private func verify(
    _ source: String, _ installation: Installation
  ) async throws(EmbeddedPostgreSQLError) {
    let program = installation.program("pg_verifybackup")
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw EmbeddedPostgreSQLError(
        .notInstalled, "the backup cannot be checked: \(program) is missing",
        advice: "run `apt-get install postgresql-client-\(installation.majorVersion)`")
    }
    let (status, output) = try await runAside(
      Command(program: program, arguments: [program, "-e", "-q", source]))
    guard status.isSuccess else {
      throw EmbeddedPostgreSQLError(
        .damaged,
        "the backup is damaged: "
          + output.trimmingCharacters(in: .whitespacesAndNewlines),
        advice: "use another one")
    }
  }

  private func run(
    _ name: String, _ arguments: [String], failing: String
  ) async throws(EmbeddedPostgreSQLError) {
    guard let program = findProgram(name) else {
      throw EmbeddedPostgreSQLError(.notInstalled, "the program \(name) is missing")
    }
    let (status, output) = try await runAside(
      Command(program: program, arguments: [name] + arguments))
    guard status.isSuccess else {
      throw EmbeddedPostgreSQLError(
        .inaccessible,
        "\(failing): " + output.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
}
