import CPq
import Glibc

/// What came back up to a Sync. Without `failure` the transaction is committed.
struct PipelineReply {
  /// The results before the failure, or of all statements.
  var results: [ResultSet] = []
  var failure: PostgreSQLError?
}

extension Connection {
  /// Collects results up to the Sync. Throws when the session was lost before it, unless an error
  /// had come already: then the outcome is known, and only the session is gone.
  ///
  /// - Parameter inParts: results were asked for before the end: each is a move.
  func collect(
    _ count: Int, inParts: Bool, until deadline: ContinuousClock.Instant
  ) throws(PostgreSQLError) -> PipelineReply {
    let handle = try openHandle()
    var reply = PipelineReply()
    var emptyAnswers = 0
    while true {
      do {
        try waitForResult(until: deadline)
      } catch {
        throw reply.failure ?? error
      }
      guard let result = PQgetResult(handle) else {
        // One nil stands between two statements; more are no pipeline any longer.
        emptyAnswers += 1
        if emptyAnswers > 2 { throw reply.failure ?? lost() }
        continue
      }
      emptyAnswers = 0
      switch PQresultStatus(result) {
      case PGRES_PIPELINE_SYNC:
        PQclear(result)
        guard reply.failure != nil || reply.results.count == count else {
          throw lost(.connectionLost, "\(reply.results.count) results of \(count) statements")
        }
        return reply
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
        reply.results.append(ResultSet(owning: result))
        if inParts { onMove?() }
      case PGRES_PIPELINE_ABORTED:
        PQclear(result)
      default:
        let index = reply.results.count < count ? reply.results.count : nil
        let error = takeError(of: result, statementIndex: index)
        if error.scope != .statement { throw reply.failure ?? error }
        reply.failure = reply.failure ?? error
      }
    }
  }

  /// Runs a script of several statements without parameters as one transaction: for migrations.
  /// Results are dropped.
  public func runScript(_ sql: String, timeout: Duration) throws(PostgreSQLError) {
    let deadline = ContinuousClock.now.advanced(by: timeout)
    let handle = try openHandle()
    guard PQsendQuery(handle, sql) == 1 else { throw lost() }
    var failure: PostgreSQLError?
    while true {
      do {
        try waitForResult(until: deadline)
      } catch {
        throw failure ?? error
      }
      guard let result = PQgetResult(handle) else { break }
      switch PQresultStatus(result) {
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
        PQclear(result)
      case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
        PQclear(result)
        throw lost(.connectionLost, "COPY is not possible in a script")
      default:
        let error = takeError(of: result, statementIndex: nil)
        if error.scope != .statement { throw failure ?? error }
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }

  /// Waits until `PQgetResult` would not block. As long as something is left to send, reading goes
  /// on too: else both sides could wait for each other with full buffers (manual, 34.5.1.1).
  private func waitForResult(until deadline: ContinuousClock.Instant) throws(PostgreSQLError) {
    let handle = try openHandle()
    while true {
      let flushed = PQflush(handle)
      guard flushed >= 0 else { throw lost() }
      if PQisBusy(handle) == 0 { return }
      try wait(for: flushed == 1 ? POLLIN | POLLOUT : POLLIN, until: deadline)
      if flushed == 1 { onMove?() }
      // A failure here is reported by the next result, with what the server said last.
      guard PQconsumeInput(handle) == 1 || PQisBusy(handle) == 0 else { throw lost() }
    }
  }

  /// Makes an error of a failed result, which is freed. Closes the session when it is over.
  private func takeError(of result: OpaquePointer, statementIndex: Int?) -> PostgreSQLError {
    defer { PQclear(result) }
    func field(_ code: Character) -> String? {
      PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
    }
    let severity = field("V") ?? field("S")
    let isOver =
      severity == "FATAL" || severity == "PANIC"
      || handle.map { PQstatus($0) != CONNECTION_OK } ?? true
    let message =
      field("M")
      ?? PQresultErrorMessage(result).map { String(cString: $0).trimmingNewlines() }
    let detail = [field("D"), field("H"), field("W")].compactMap { $0 }
    if isOver { close() }
    return PostgreSQLError(
      isOver ? .connectionLost : .statement, message ?? "the server sent no message",
      sqlState: field("C").flatMap { SQLState($0) },
      detail: detail.isEmpty ? nil : detail.joined(separator: "; "),
      statementIndex: statementIndex)
  }
}
