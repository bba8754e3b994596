import Foundation
import Glibc

/// Keeps a second server off a data directory: `flock` on a file in it, which the kernel releases
/// however the process ends.
public final class DataDirectoryLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock at once or throws: `inUse` names the process that holds it.
  public init(file path: String) throws(EmbeddedPostgreSQLError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system("cannot open the lock file \(path)") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      defer { close(descriptor) }
      guard errno == EWOULDBLOCK else { throw .system("cannot lock \(path)") }
      let holder = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      let process = pid_t(holder.trimmingCharacters(in: .whitespacesAndNewlines))
      throw EmbeddedPostgreSQLError(
        .inUse,
        "the data directory is in use by another server"
          + (process.map { ", process \($0)" } ?? "") + " (\(path))",
        advice: "stop that server or choose another data directory")
    }
    let text = "\(getpid())\n"
    guard ftruncate(descriptor, 0) == 0,
      pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count
    else {
      defer { close(descriptor) }
      throw .system("cannot write \(path)")
    }
    self.descriptor = descriptor
  }

  deinit {
    // Said, not left to `close`: a process that is being started just now may have a copy of the
    // descriptor until its `exec`, and would keep the lock for that long.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
