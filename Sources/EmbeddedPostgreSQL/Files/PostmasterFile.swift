import Foundation
import Glibc

/// `postmaster.pid`, by which a running PostgreSQL marks its data directory: process id, directory,
/// start time, port, socket directory, address, shared memory, and since version 10 the state
/// (`src/include/utils/pidfile.h`), one per line.
struct PostmasterFile {
  let processID: pid_t
  private let state: String?

  /// Nil when there is none, or it is not written completely.
  init?(inCluster directory: String) {
    let text = try? String(contentsOfFile: directory + "/postmaster.pid", encoding: .utf8)
    let lines = text?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
    guard let first = lines.first, let processID = pid_t(first), processID > 1 else { return nil }
    self.processID = processID
    state = lines.count > 7 ? lines[7].trimmingCharacters(in: .whitespaces) : nil
  }

  /// It accepts connections.
  var isReady: Bool { state == "ready" }

  /// Whether the process is really a postmaster of that directory: the file of a dead one may name
  /// a process id that somebody else has by now. PostgreSQL works in its data directory.
  func isRunning(inCluster directory: String) -> Bool {
    let process = "/proc/\(processID)"
    let files = FileManager.default
    let place = try? files.destinationOfSymbolicLink(atPath: process + "/cwd")
    let name = try? String(contentsOfFile: process + "/comm", encoding: .utf8)
    return place == resolvedPath(directory) && name?.hasPrefix("postgres") == true
  }

  /// Removes the file in `directory` if it names a process that is alive but has nothing to do with
  /// it: after a restart of the machine or container ids are given out anew, and PostgreSQL would
  /// refuse to start for as long as that process lives. Only when no process at all works in the
  /// directory, which also excludes sessions that a dead postmaster left. Returns whether it did.
  func removeIfMisleading(inCluster directory: String) -> Bool {
    guard kill(processID, 0) == 0 || errno == EPERM, !isRunning(inCluster: directory) else {
      return false
    }
    return !Self.isUsed(cluster: directory) && unlink(directory + "/postmaster.pid") == 0
  }

  /// Whether any process works in the directory, as every one of PostgreSQL's does.
  static func isUsed(cluster directory: String) -> Bool {
    let files = FileManager.default
    let place = resolvedPath(directory)
    let processes = (try? files.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { process in
      (try? files.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")) == place
    }
  }
}
