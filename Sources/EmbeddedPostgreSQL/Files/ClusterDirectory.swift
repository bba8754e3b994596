import Foundation
import Glibc

/// The directory of a PostgreSQL cluster: told apart from what only stands in its place, and made
/// in one step. Nothing that could hold data is ever deleted or changed here.
struct ClusterDirectory {
  let path: String

  enum Content: Equatable {
    /// Nothing there, or an empty directory.
    case none
    case cluster(majorVersion: Int, owner: uid_t)
  }

  /// Without one of these `postgres` cannot start.
  private static let requiredEntries = [
    "global/pg_control", "base", "pg_wal", "pg_xact", "postgresql.conf", "pg_hba.conf",
  ]

  /// Looks without touching. Throws `damaged` or `inaccessible` for what is neither a cluster nor
  /// empty.
  func inspect() throws(EmbeddedPostgreSQLError) -> Content {
    guard let status = try FileStatus(of: path) else { return .none }
    guard status.isDirectory else { throw damaged("is not a directory") }
    let entries: [String]
    do {
      entries = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw EmbeddedPostgreSQLError(
        .inaccessible, "cannot read \(path), which belongs to \(userName(status.owner))",
        advice: "run the server as that user, or as root")
    }
    if entries.isEmpty { return .none }
    guard entries.contains("PG_VERSION") else {
      throw damaged("is not empty but holds no PostgreSQL cluster (no PG_VERSION)")
    }
    let version = try? String(contentsOfFile: path + "/PG_VERSION", encoding: .utf8)
    guard let version, let major = Int(version.trimmingCharacters(in: .whitespacesAndNewlines))
    else { throw damaged("has a PG_VERSION that cannot be read") }
    for entry in Self.requiredEntries where try FileStatus(of: path + "/" + entry) == nil {
      throw damaged("lacks \(entry)")
    }
    return .cluster(majorVersion: major, owner: status.owner)
  }

  private func damaged(_ what: String) -> EmbeddedPostgreSQLError {
    EmbeddedPostgreSQLError(
      .damaged, "the cluster directory \(path) \(what)",
      advice: "nothing was changed: restore it from a backup, move it away to begin anew, "
        + "or choose another data directory")
  }

  /// Makes a new cluster with one superuser, UTF-8, locale C, and one database. It is built beside
  /// its place and renamed at the end, so that a crash never leaves half a cluster.
  func initialize(
    _ installation: Installation, account: ServerAccount, names: ClusterNames, isDurable: Bool
  ) throws(EmbeddedPostgreSQLError) {
    let building = path + ".initializing"
    // Left by an initialization that was cut: it has never been a cluster.
    try? FileManager.default.removeItem(atPath: building)
    try makeDirectory(building, mode: 0o700, ownedBy: account)
    let initdb = installation.program("initdb")
    let single = [
      "--single", "-D", building, "-c", "fsync=off", "-c", "log_min_messages=warning", "postgres",
    ]
    try run(
      account.command(
        initdb,
        [
          "-D", building, "-U", names.user, "--auth=trust", "--encoding=UTF8", "--locale=C",
          "--no-sync",
        ], dyingBy: .kill))
    try run(
      account.command(installation.program("postgres"), single, dyingBy: .kill),
      input: "CREATE DATABASE \(names.database);\n")
    // Everything is written once, at the end.
    if isDurable {
      try run(account.command(initdb, ["--sync-only", "-D", building], dyingBy: .kill))
    }
    guard rename(building, path) == 0 else { throw .system("cannot rename \(building)") }
    try synchronizeDirectory((path as NSString).deletingLastPathComponent)
  }

  private func run(_ command: Command, input: String = "") throws(EmbeddedPostgreSQLError) {
    let (status, output) = try ChildProcess.run(command, input: input)
    guard status.isSuccess else {
      throw EmbeddedPostgreSQLError(
        .startFailed, "cannot make a new cluster in \(path): \(status): \(output)")
    }
  }
}

/// The names inside a cluster that this module makes; plain lower-case words.
struct ClusterNames {
  let user = "progressor"
  let database = "progressor"
}
