import Foundation
import Glibc

/// What `stat` says of a file, as far as it matters here.
struct FileStatus {
  let owner: uid_t
  let mode: mode_t

  var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
  var permissions: mode_t { mode & 0o7777 }

  /// Nil when there is no such file; links are followed unless told otherwise.
  init?(of path: String, followingLinks: Bool = true) throws(EmbeddedPostgreSQLError) {
    var status = stat()
    let code = followingLinks ? stat(path, &status) : lstat(path, &status)
    guard code == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .system("cannot look at \(path)")
    }
    owner = status.st_uid
    mode = status.st_mode
  }
}

extension EmbeddedPostgreSQLError {
  /// `doing` and the reason of the system call that has just failed.
  static func system(_ doing: String, advice: String = "") -> EmbeddedPostgreSQLError {
    EmbeddedPostgreSQLError(
      .inaccessible, "\(doing): \(String(cString: strerror(errno)))", advice: advice)
  }
}

/// Makes a directory, and gives it to `account` when that is another user. One that exists stays
/// as it is.
func makeDirectory(
  _ path: String, mode: mode_t, ownedBy account: ServerAccount? = nil
) throws(EmbeddedPostgreSQLError) {
  guard mkdir(path, mode) == 0 else {
    if errno == EEXIST { return }
    throw .system("cannot make the directory \(path)")
  }
  // The umask may have taken away what the account needs to pass.
  guard chmod(path, mode) == 0 else { throw .system("cannot set the mode of \(path)") }
  guard let account, account.isOther else { return }
  guard chown(path, account.userID, account.groupID) == 0 else {
    throw .system("cannot give \(path) to the user \(account.name)")
  }
}

/// Makes what a rename or a new name changed in `directory` durable.
func synchronizeDirectory(_ directory: String) throws(EmbeddedPostgreSQLError) {
  let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .system("cannot open \(directory)") }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else { throw .system("cannot synchronize \(directory)") }
}

/// The absolute path without links; the path itself when it cannot be resolved.
func resolvedPath(_ path: String) -> String {
  guard let resolved = realpath(path, nil) else { return path }
  defer { free(resolved) }
  return String(cString: resolved)
}
