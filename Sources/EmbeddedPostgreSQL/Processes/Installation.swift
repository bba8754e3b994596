import Foundation

/// PostgreSQL's programs of one major version.
struct Installation {
  let directory: String
  let majorVersion: Int

  static let oldestMajorVersion = 13

  func program(_ name: String) -> String { directory + "/" + name }

  /// The installations in `directory`, or when nil in the usual places and PATH; newest first.
  static func all(in directory: String?) -> [Installation] {
    let files = FileManager.default
    var directories: [String] = []
    if let directory {
      directories = [directory]
    } else {
      for parent in ["/usr/lib/postgresql", "/usr/lib64/postgresql"] {
        let versions = (try? files.contentsOfDirectory(atPath: parent)) ?? []
        directories += versions.map { "\(parent)/\($0)/bin" }
      }
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      directories += path.split(separator: ":").map(String.init)
      directories.append("/usr/local/pgsql/bin")
    }
    return directories.compactMap { Installation(checking: $0) }
      .sorted { $0.majorVersion > $1.majorVersion }
  }

  /// The newest one; with `majorVersion`, the one that a cluster of it needs.
  static func find(
    in directory: String?, majorVersion: Int? = nil
  ) throws(EmbeddedPostgreSQLError) -> Installation {
    let found = all(in: directory)
    let usable = found.filter { $0.majorVersion >= oldestMajorVersion }
    if let match = usable.first(where: { majorVersion == nil || $0.majorVersion == majorVersion }) {
      return match
    }
    let place = directory.map { "in \($0)" } ?? "in /usr/lib/postgresql and PATH"
    if let majorVersion, !usable.isEmpty {
      let versions = usable.map { "\($0.majorVersion)" }.joined(separator: ", ")
      throw EmbeddedPostgreSQLError(
        .otherVersion,
        "the cluster was made by PostgreSQL \(majorVersion), but \(place) there is \(versions)",
        advice: "run `apt-get install postgresql-\(majorVersion)`, or convert it by pg_upgrade")
    }
    let old = found.first.map { " (only \($0.majorVersion), which is too old)" } ?? ""
    throw EmbeddedPostgreSQLError(
      .notInstalled,
      "no PostgreSQL \(oldestMajorVersion) or newer \(place)\(old)",
      advice: "run `apt-get install postgresql`, or give the URL of a database")
  }

  /// Nil when `directory` has not the programs that are needed. `postgres --version` says
  /// `postgres (PostgreSQL) 15.18 (Debian …)`.
  private init?(checking directory: String) {
    let files = FileManager.default
    guard
      ["postgres", "initdb"].allSatisfy({ files.isExecutableFile(atPath: directory + "/" + $0) })
    else { return nil }
    let program = directory + "/postgres"
    let command = Command(program: program, arguments: [program, "--version"])
    guard let (status, output) = try? ChildProcess.run(command), status.isSuccess,
      let version = output.split(separator: " ").dropFirst(2).first,
      let major = Int(version.prefix { $0.isNumber })
    else { return nil }
    self.directory = directory
    majorVersion = major
  }
}
