/// Statements that go to the server together, up to one Sync: one round trip and one implicit
/// transaction, which commits at the Sync or not at all (PostgreSQL manual, 34.5 and 55.2.4).
///
/// Results come back in the order of the statements. Once one fails, the rest is skipped and
/// everything is rolled back. A statement that finds nothing is no failure: SQL that must stop the
/// rest has to raise.
public struct Pipeline: Sendable {
  enum Statement: Sendable {
    case prepared(PreparedStatement)
    case text(String)
  }

  struct Entry: Sendable {
    let statement: Statement
    let parameters: Parameters
  }

  private(set) var entries: [Entry] = []

  /// Of one with so many bytes of parameters it is waited until it has left, and its results are
  /// asked for at once.
  static let largeStatementBytes = 256 << 10

  /// The bytes of all parameters together.
  public private(set) var byteCount = 0

  public init() {}

  /// The number of statements.
  public var count: Int { entries.count }

  /// Whether results come one by one, long before the end.
  var hasLargeStatements: Bool {
    entries.contains { $0.parameters.byteCount >= Self.largeStatementBytes }
  }

  /// Whether there is nothing to run.
  public var isEmpty: Bool { entries.isEmpty }

  /// Appends a statement that is prepared on its connection at first use.
  public mutating func append(
    _ statement: PreparedStatement, _ parameters: Parameters = Parameters()
  ) {
    byteCount += parameters.byteCount
    entries.append(Entry(statement: .prepared(statement), parameters: parameters))
  }

  /// Appends one SQL statement that is parsed anew each time: for what happens rarely.
  public mutating func append(sql: String, _ parameters: Parameters = Parameters()) {
    byteCount += parameters.byteCount
    entries.append(Entry(statement: .text(sql), parameters: parameters))
  }
}
