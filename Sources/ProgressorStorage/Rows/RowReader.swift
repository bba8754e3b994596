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

  /// A time that the contract can say.
  mutating func nextTime() throws(PostgreSQLError) -> Timestamp {
    try nextPlace().checked()
  }

  mutating func nextOptionalTime() throws(PostgreSQLError) -> Timestamp? {
    try nextOptional(SQLTimestamp.self).map { (time) throws(PostgreSQLError) in
      try Timestamp(microseconds: time.microseconds).checked()
    }
  }

  /// A time by which rows are ordered, whatever it is: PostgreSQL's go from 4713 BC to 294276.
  mutating func nextPlace() throws(PostgreSQLError) -> Timestamp {
    Timestamp(microseconds: try next(SQLTimestamp.self).microseconds)
  }

  /// A number that only grows, and has room to.
  mutating func nextCount(
    from first: Int64, _ what: String
  ) throws(PostgreSQLError) -> Int64 {
    let count: Int64 = try next()
    guard (first..<Int64.max / 2).contains(count) else {
      throw .unreadable("a machine with \(what) \(count)")
    }
    return count
  }
}

extension Timestamp {
  fileprivate func checked() throws(PostgreSQLError) -> Timestamp {
    guard (Timestamp.earliest...Timestamp.latest).contains(self) else {
      throw .unreadable("a time outside of the years 0001 to 9999")
    }
    return self
  }

  /// As PostgreSQL takes it.
  var sql: SQLTimestamp { SQLTimestamp(microseconds: microseconds) }
}

extension PostgreSQLError {
  /// A value that no version of the schema writes.
  static func unreadable(_ what: String) -> PostgreSQLError {
    PostgreSQLError(.unexpectedValue, what)
  }
}
