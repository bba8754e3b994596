import ProgressorProto
import ProgressorStorage

/// What the commands for the database print.
enum DatabaseOutput {
  /// The database, then what is wrong with it.
  static func lines(_ report: DatabaseReport) -> [TerminalText] {
    var lines: [TerminalText] = [
      "server    PostgreSQL \(report.version) at \(report.host)",
      "database  \(report.database), as \(report.role)",
      "schema    \(schema(report))",
      "rights    \(rights(report))",
    ]
    for problem in report.problems {
      switch problem.kind {
      case .server, .schema: lines.append("problem:  \(problem.text)")
      case .rights: lines.append("problem:  the role lacks \(problem.text)")
      }
    }
    lines += report.warnings.map { "warning:  \($0)" }
    return lines
  }

  private static func schema(_ report: DatabaseReport) -> TerminalText {
    guard let version = report.schemaVersion else {
      return "none; this program needs version \(DatabaseReport.neededVersion)"
    }
    var text: TerminalText =
      "version \(version), this program needs \(DatabaseReport.neededVersion)"
    if let shards = report.shards { text += "; \(shards) shards" }
    if !report.postponed.isEmpty {
      text += "; left to clean up: \(report.postponed.joined(separator: ", "))"
    }
    return text
  }

  private static func rights(_ report: DatabaseReport) -> TerminalText {
    let serves: TerminalText =
      report.schemaVersion == nil
      ? "not known for serving"
      : report.problems.contains { $0.kind == .rights } ? "not enough for serving" : "for serving"
    return serves + (report.mayMigrate ? ", and for migrating" : ", not for migrating")
  }

  /// For programs.
  static func json(_ report: DatabaseReport) -> JSONValue {
    func texts(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
    return .members([
      "ready": .bool(report.problems.isEmpty),
      "server": .members([
        "version": .string(report.version), "host": .string(report.host),
        "database": .string(report.database), "role": .string(report.role),
      ]),
      "schema": .members([
        "version": report.schemaVersion.map(JSONValue.int32),
        "needed": .int32(DatabaseReport.neededVersion),
        "missing": texts(report.missing), "postponed": texts(report.postponed),
        "shards": report.shards.map(JSONValue.int32),
      ]),
      "mayMigrate": .bool(report.mayMigrate),
      "problems": .array(
        report.problems.map {
          .members(["kind": .string($0.kind.rawValue), "text": .string($0.text)])
        }),
      "warnings": texts(report.warnings),
    ])
  }

  /// What migrating did, in a line.
  static func text(_ report: MigrationReport) -> TerminalText {
    var text: TerminalText =
      report.applied.isEmpty
      ? "the schema is up to date" : "applied \(report.applied.joined(separator: ", "))"
    if !report.postponed.isEmpty {
      text += "; left to another time: \(report.postponed.joined(separator: ", "))"
    }
    return text + "; \(report.shards) shards"
  }

  /// The same for programs.
  static func json(_ report: MigrationReport) -> JSONValue {
    .members([
      "applied": .array(report.applied.map(JSONValue.string)),
      "postponed": .array(report.postponed.map(JSONValue.string)),
      "shards": .int32(report.shards),
    ])
  }
}
