import MachineModel
import PostgreSQL

/// One statement from a file of SQL/, under the name of its file.
struct Statement: Sendable {
  let name: String
  let sql: String

  /// - Parameter resource: the bytes of the file `name`.sql.
  init(_ name: String, _ resource: [UInt8]) {
    self.name = name
    sql = String(decoding: resource, as: UTF8.self)
  }

  /// One of the statements that a file has: of the lines that end in `--:` and names, those that
  /// have `variant` among them.
  init(_ name: String, _ resource: [UInt8], variant: String) {
    self.name = name
    let lines = String(decoding: resource, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    let kept = lines.filter { line in
      guard let mark = line.firstRange(of: "--:") else { return true }
      return line[mark.upperBound...].split(separator: " ").contains { $0 == variant }
    }
    sql = kept.joined(separator: "\n")
  }

  /// With a part that is a safeguard, which a test may switch off.
  init(
    _ name: String, _ resource: [UInt8], _ safeguard: Safeguard, _ part: String,
    with other: String = ""
  ) {
    self.name = name
    let whole = String(decoding: resource, as: UTF8.self)
    sql = safeguard.applied(to: whole, replacing: part, with: other)
  }
}

extension Pipeline {
  /// Appends a statement, prepared on its connection at first use with the types of `parameters`.
  mutating func append(_ statement: Statement, _ parameters: Parameters = Parameters()) {
    append(
      PreparedStatement(
        name: statement.name, sql: statement.sql, parameterTypes: parameters.types),
      parameters)
  }
}

extension Connection {
  /// Runs one statement in a transaction of its own.
  func run(
    _ statement: Statement, _ parameters: Parameters = Parameters(), timeout: Duration
  ) throws(PostgreSQLError) -> ResultSet {
    var pipeline = Pipeline()
    pipeline.append(statement, parameters)
    guard let result = try run(pipeline, timeout: timeout).first else {
      throw PostgreSQLError(.unexpectedValue, "\(statement.name) had no result")
    }
    return result
  }
}

extension Parameters {
  /// Parameters that `fill` appends.
  static func with(_ fill: (inout Parameters) -> Void) -> Parameters {
    var parameters = Parameters()
    fill(&parameters)
    return parameters
  }
}
