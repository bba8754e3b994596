import Foundation
import Glibc

/// The private directory of the Unix socket: mode 0700, owned by the account that runs PostgreSQL,
/// so that the trust of `pg_hba.conf` reaches nobody else.
struct SocketDirectory {
  let path: String

  /// The name of the socket in it is `.s.PGSQL.5432`; `sun_path` holds 107 bytes.
  static let port = 5432
  private static let longestPath = 107 - "/.s.PGSQL.5432".utf8.count

  /// Makes it in the data directory, or in a short place when that path is too long for a socket or
  /// has characters that separate lists of hosts.
  init(
    forDataDirectory directory: String, account: ServerAccount
  ) throws(EmbeddedPostgreSQLError) {
    let usual = directory + "/socket"
    let isUsable =
      usual.utf8.count <= Self.longestPath
      && !usual.contains { $0 == "," || $0 == "\"" || $0 == "'" || $0 == "\\" || $0.isNewline }
    path = isUsable ? usual : Self.shortPath(for: directory, account: account)
    try makeDirectory(path, mode: 0o700, ownedBy: account)
    // In a place that others can write to, somebody else may have made it first.
    guard let status = try FileStatus(of: path, followingLinks: false), status.isDirectory,
      status.owner == account.userID, status.permissions == 0o700
    else {
      throw EmbeddedPostgreSQLError(
        .inaccessible, "the socket directory \(path) is not private to \(account.name)",
        advice: "remove it, or choose a data directory with a shorter path")
    }
  }

  /// The same for the same data directory, so that a killed server leaves one directory at most.
  private static func shortPath(for directory: String, account: ServerAccount) -> String {
    // FNV-1a: stable from process to process.
    let hash = resolvedPath(directory).utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    let name = "progressor-" + String(hash, radix: 36)
    let runtime = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"]
    for place in account.isOther ? ["/run"] : [runtime, "/tmp"].compactMap({ $0 })
    where place.utf8.count + 1 + name.utf8.count <= longestPath && access(place, W_OK) == 0 {
      return place + "/" + name
    }
    return "/tmp/" + name
  }

  /// Removes the lock file that a killed PostgreSQL left beside its socket. Its process id may be
  /// somebody else's by now, or that of a dead process nobody has reaped, and PostgreSQL would
  /// refuse to start. Only when nothing uses the cluster: whoever has the data directory has the
  /// socket.
  func removeLock() {
    unlink(path + "/.s.PGSQL.\(Self.port).lock")
  }

  /// Removes the directory if PostgreSQL left it empty.
  func removeIfEmpty() {
    rmdir(path)
  }
}
