import MachineModel
import PostgreSQL

/// Reads the columns of a row one after the other. Throws `unexpectedValue` for what cannot be
/// there by the schema: such a row is unreadable, others are not.
struct RowReader {
  private let row: Row
  private var column: Int

  init(_ row: Row, from column: Int = 0) {
    self.row = row
    self.column = column
  }

  mutating func next<Value: SQLValue>(
    _: Value.Type = Value.self
  ) throws(PostgreSQLError) -> Value {
    defer { column += 1 }
    return try row.value(column)
  }

  mutating func nextOptional<Value: SQLValue>(
    _: Value.Type = Value.self
  ) throws(PostgreSQLError) -> Value? {
    defer { column += 1 }
    return try row.optional(column)
  }

  mutating func nextArray<Value: SQLValue>(
    of _: Value.Type
  ) throws(PostgreSQLError) -> [Value] {
    defer { column += 1 }
    return try row.array(column)
  }

  mutating func skip(_ columns: Int) { column += columns }

  mutating func nextTime() throws(PostgreSQLError) -> Timestamp {
    Timestamp(microseconds: try next(SQLTimestamp.self).microseconds)
  }

  mutating func nextOptionalTime() throws(PostgreSQLError) -> Timestamp? {
    try nextOptional(SQLTimestamp.self).map { Timestamp(microseconds: $0.microseconds) }
  }
}

extension Timestamp {
  /// As PostgreSQL takes it.
  var sql: SQLTimestamp { SQLTimestamp(microseconds: microseconds) }
}

extension PostgreSQLError {
  /// A value that no version of the schema writes.
  static func unreadable(_ what: String) -> PostgreSQLError {
    PostgreSQLError(.unexpectedValue, what)
  }
}
