/// What went wrong, and how far it reaches: `scope` alone decides what the caller may do next.
public struct PostgreSQLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// How far an error reaches.
  public enum Scope: String, Hashable, Sendable {
    /// The settings cannot work; repeating is useless.
    case configuration
    /// No session came about: nothing was sent.
    case connectFailed
    /// The session ended. A transaction in flight may or may not have been committed.
    case connectionLost
    /// No answer in time; the session was given up. Outcome as with `connectionLost`.
    case timeout
    /// The thread was told to stop and its grace period ended. Outcome as with `connectionLost`.
    case stopped
    /// The server refused a statement: its transaction was rolled back, the session lives on.
    case statement
    /// A result has not the shape that the caller reads: column, type or NULL.
    case unexpectedValue
  }

  /// How far it reaches: whether to repeat, to connect anew, or to give up.
  public let scope: Scope

  /// What the server said; nil if the error arose on this side.
  public let sqlState: SQLState?

  /// For people. Never holds a password.
  public let message: String

  /// The server's detail and hint, or more about the circumstances. May hold data of a row.
  public let detail: String?

  /// The index in the pipeline of the statement that failed; nil if it was the commit itself.
  public let statementIndex: Int?

  public init(
    _ scope: Scope, _ message: String, sqlState: SQLState? = nil, detail: String? = nil,
    statementIndex: Int? = nil
  ) {
    self.scope = scope
    self.sqlState = sqlState
    self.message = message
    self.detail = detail
    self.statementIndex = statementIndex
  }

  /// Whether a transaction that was in flight may have been committed nevertheless. The way out is
  /// to fence first and read afterwards, on a new connection.
  public var isOutcomeUnknown: Bool {
    switch scope {
    case .connectionLost, .timeout, .stopped: true
    case .configuration, .connectFailed, .statement, .unexpectedValue: false
    }
  }

  public var description: String {
    var text = "PostgreSQL \(scope.rawValue): \(message)"
    if let sqlState { text += " (SQLSTATE \(sqlState))" }
    if let statementIndex { text += " in statement \(statementIndex)" }
    if let detail { text += "; \(detail)" }
    return text
  }
}
