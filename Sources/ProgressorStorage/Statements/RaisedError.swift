import PostgreSQL

/// The errors that functions of the schema raise themselves, by their SQLSTATE. PostgreSQL gives
/// none of its own the class PG.
enum RaisedError: String {
  /// A fence found its row taken over: the writer must not write any more.
  case fenced = "PGF01"
  /// A set-based statement touched another number of rows than it had to.
  case unexpectedCount = "PGF02"
  /// A probe could write everything: its way of taking all of it back.
  case probeHasWritten = "PGF03"
  /// A namespace in which a machine starts is gone, or is being deleted.
  case namespaceGone = "PGF04"
}

extension PostgreSQLError {
  /// Nil for an error of PostgreSQL itself, or of this side.
  var raised: RaisedError? { sqlState.flatMap { RaisedError(rawValue: $0.code) } }
}
