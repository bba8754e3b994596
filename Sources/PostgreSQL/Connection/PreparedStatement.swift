/// A statement that each connection plans once. Make it a constant: two statements of one
/// connection with the same name must be the same.
public struct PreparedStatement: Hashable, Sendable {
  /// Unique per connection, at most 63 bytes, not empty.
  public let name: String

  /// One SQL statement; `$1`, `$2` … are its parameters.
  public let sql: String

  /// The type of each parameter; an array type for a column of a batch.
  public let parameterTypes: [SQLType]

  public init(name: String, sql: String, parameterTypes: [SQLType]) {
    self.name = name
    self.sql = sql
    self.parameterTypes = parameterTypes
  }
}
