import Foundation

/// A program to run: its arguments begin with its own name.
struct Command {
  let program: String
  let arguments: [String]

  /// What the program sees: nothing of ours that could change what PostgreSQL does (`PGPORT`,
  /// `PGDATA`, `LC_ALL` …).
  var environment: [String] {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin"
    return ["PATH=\(path)", "LC_ALL=C", "TZ=UTC"]
  }
}

/// The first of the directories in PATH, or of the system's usual ones, that has `program`.
func findProgram(_ program: String) -> String? {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  let directories = path.split(separator: ":").map(String.init) + ["/usr/bin", "/bin", "/usr/sbin"]
  return directories.lazy.map { $0 + "/" + program }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}
