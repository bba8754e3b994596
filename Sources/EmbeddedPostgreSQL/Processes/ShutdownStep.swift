import Foundation
import Glibc

/// What is done to a postmaster so that it ends, the next one when it has not after ``patience``.
enum ShutdownStep: Equatable, CustomStringConvertible {
  /// Sessions are ended, and what is in memory is written.
  case fast(within: Duration)
  /// Nothing is written; the next start recovers. PostgreSQL itself waits 5 seconds for its
  /// processes before it kills them: we do not.
  case immediate
  /// The postmaster and its processes are killed. Those are killed one by one, as each is a session
  /// and a process group of its own; one that is frozen would not see that its postmaster is gone,
  /// and would keep the shared memory from the next one.
  case kill

  var patience: Duration {
    switch self {
    case .fast(let timeout): timeout
    case .immediate: .seconds(3)
    case .kill: .seconds(5)
    }
  }

  /// Signals the postmaster.
  func take(on postmaster: pid_t) {
    switch self {
    case .fast: Glibc.kill(postmaster, SIGINT)
    case .immediate: Glibc.kill(postmaster, SIGQUIT)
    case .kill:
      for process in Self.children(of: postmaster) + [postmaster] { Glibc.kill(process, SIGKILL) }
    }
  }

  var description: String {
    switch self {
    case .fast: "a fast shutdown"
    case .immediate: "an immediate shutdown"
    case .kill: "its processes are killed"
    }
  }

  /// `/proc/[pid]/stat`: the id, the name in parentheses, the state, the parent (proc(5)).
  private static func children(of parent: pid_t) -> [pid_t] {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.compactMap { pid_t($0) }.filter { process in
      let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      guard let text, let name = text.lastIndex(of: ")") else { return false }
      return text[name...].split(separator: " ").dropFirst(2).first == "\(parent)"
    }
  }
}
