import PostgreSQL

/// What one writer writes in one transaction. The fence stands before everything, and the Sync that
/// commits behind it: neither can be forgotten, and nothing is sent twice.
struct FencedPipeline: ~Copyable {
  /// What came of it once it is durable.
  struct Outcome {
    /// After a failover it tells what is missing. Nil when PostgreSQL did not say.
    var transaction: Int64?
    /// Of the statements behind the fence, in their order.
    var results: ArraySlice<ResultSet>

    /// Of a pipeline with one statement behind the fence.
    func onlyResult() throws(PostgreSQLError) -> ResultSet {
      guard let result = results.first, results.count == 1 else {
        throw PostgreSQLError(.unexpectedValue, "\(results.count) results instead of one")
      }
      return result
    }
  }

  private var pipeline = Pipeline()

  /// Stops the transaction here (`RaisedError.fenced`) unless it still is this writer's turn.
  ///
  /// - Parameter limit: of each statement that follows; the server cancels it then (57014).
  init(under identity: WriterIdentity, limit: Duration) {
    pipeline.append(
      Statements.fence,
      .with {
        $0.append(identity.node)
        $0.append(Int32(identity.slot))
        $0.append(identity.epoch)
        $0.append("\(limit.microseconds / 1_000)")
      })
  }

  /// Adds a statement to the transaction.
  mutating func append(_ statement: Statement, _ parameters: Parameters) {
    pipeline.append(statement, parameters)
  }

  /// Sends everything and the Sync, and waits for its result: without an error all is durable.
  consuming func commit(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> Outcome {
    let results = try connection.run(pipeline, timeout: timeout)
    return Outcome(
      transaction: try? results.first?.first?.value(1), results: results.dropFirst())
  }
}
