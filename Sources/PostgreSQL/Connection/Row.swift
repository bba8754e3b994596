/// One row of a result. Columns count from 0. Every access throws `unexpectedValue` when there is
/// no such column, it has another type, or it is NULL where a value is asked for.
public struct Row: Sendable {
  let set: ResultSet

  /// The position in the result.
  public let index: Int

  /// The value in a column that may not be NULL.
  public func value<Value: SQLValue>(
    _ column: Int, as _: Value.Type = Value.self
  ) throws(PostgreSQLError) -> Value {
    guard let value = try optional(column, as: Value.self) else {
      throw set.nullError(column: column)
    }
    return value
  }

  /// The value, or nil for NULL.
  public func optional<Value: SQLValue>(
    _ column: Int, as _: Value.Type = Value.self
  ) throws(PostgreSQLError) -> Value? {
    try set.value(row: index, column: column, type: Value.sqlType) { Value(decoding: $0) }
  }

  /// A one-dimensional array without NULL elements.
  public func array<Element: SQLValue>(
    _ column: Int, of _: Element.Type = Element.self
  ) throws(PostgreSQLError) -> [Element] {
    let elements = try arrayOfOptionals(column, of: Element.self)
    let values = elements.compactMap { $0 }
    guard values.count == elements.count else { throw set.nullError(column: column) }
    return values
  }

  /// A one-dimensional array, NULL elements as nil.
  public func arrayOfOptionals<Element: SQLValue>(
    _ column: Int, of _: Element.Type = Element.self
  ) throws(PostgreSQLError) -> [Element?] {
    let type = Element.sqlType.array ?? .unknown
    let elements = try set.value(row: index, column: column, type: type) {
      SQLArrayReader.elements(of: $0, as: Element.self)
    }
    guard let elements else { throw set.nullError(column: column) }
    return elements
  }
}
