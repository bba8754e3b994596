import CPq

/// The rows that one statement answered with. They lie in libpq's memory until the last
/// reference goes.
///
/// libpq never changes a result after it was handed out and lets any thread read it (manual,
/// 34.20), and this type only reads it and frees it once: that makes `@unchecked Sendable` safe.
public final class ResultSet: @unchecked Sendable {
  private let result: OpaquePointer

  init(owning result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
    columnCount = Int(PQnfields(result))
  }

  deinit {
    PQclear(result)
  }

  /// The number of rows.
  public let count: Int

  /// The number of columns, of no rows too.
  public let columnCount: Int

  /// The rows that an INSERT, UPDATE, DELETE, SELECT … touched; 0 for other statements.
  public var affectedRows: Int {
    Int(String(cString: PQcmdTuples(result))) ?? 0
  }

  /// The only row. Throws `unexpectedValue` when there are none or several.
  public func onlyRow() throws(PostgreSQLError) -> Row {
    guard count == 1 else {
      throw PostgreSQLError(.unexpectedValue, "expected one row, found \(count)")
    }
    return Row(set: self, index: 0)
  }

  /// Reads the value at `row` and `column`; nil is NULL. Throws `unexpectedValue` when the column
  /// has another type, or `read` answers nil.
  func value<Value>(
    row: Int, column: Int, type: SQLType, _ read: (RawSpan) -> Value?
  ) throws(PostgreSQLError) -> Value? {
    guard (0..<count).contains(row), (0..<columnCount).contains(column) else {
      throw PostgreSQLError(
        .unexpectedValue, "no column \(column) of row \(row): there are \(columnCount) and \(count)"
      )
    }
    let (row, column) = (Int32(row), Int32(column))
    let found = SQLType(identifier: PQftype(result, column))
    guard PQfformat(result, column) == 1, type.hasBinaryForm(of: found) else {
      throw PostgreSQLError(
        .unexpectedValue, "column \(name(of: column)) has \(found), expected binary \(type)")
    }
    if PQgetisnull(result, row, column) == 1 { return nil }
    let bytes = UnsafeRawBufferPointer(
      start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    guard let value = read(bytes.bytes) else {
      throw PostgreSQLError(
        .unexpectedValue, "column \(name(of: column)) has a value of \(type) that cannot be read")
    }
    return value
  }

  func nullError(column: Int) -> PostgreSQLError {
    PostgreSQLError(.unexpectedValue, "column \(name(of: Int32(clamping: column))) is NULL")
  }

  private func name(of column: Int32) -> String {
    PQfname(result, column).map { String(cString: $0) } ?? "\(column)"
  }
}

extension ResultSet: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  /// The row at `position`, from 0 on; a position out of bounds is a programming error.
  public subscript(position: Int) -> Row {
    Row(set: self, index: position)
  }
}
