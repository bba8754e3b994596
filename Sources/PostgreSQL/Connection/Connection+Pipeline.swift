import CPq
import Glibc

extension Connection {
  /// Runs the statements as one transaction and waits for its outcome. Returns one result per
  /// statement, and only after the commit: the server's answer to the Sync arrived, and no error
  /// before it.
  ///
  /// Throws `statement` when the transaction was certainly rolled back; `connectionLost`, `timeout`
  /// or `stopped` when it may have been committed, with the session closed. An empty pipeline
  /// sends nothing.
  public func run(
    _ pipeline: Pipeline, timeout: Duration
  ) throws(PostgreSQLError) -> [ResultSet] {
    guard !pipeline.isEmpty else { return [] }
    let deadline = ContinuousClock.now.advanced(by: timeout)
    try check(pipeline)
    try prepare(missing(in: pipeline), until: deadline)
    try beginPipeline()
    let handle = try openHandle()
    for entry in pipeline.entries {
      guard Self.send(entry, on: handle) else { throw lost() }
      if entry.parameters.byteCount >= Pipeline.largeStatementBytes { try pass(until: deadline) }
    }
    let reply = try endPipeline(
      of: pipeline.count, inParts: pipeline.hasLargeStatements, until: deadline)
    if let failure = reply.failure { throw failure }
    return reply.results
  }

  /// Prepares the statements that this session has not prepared yet; `run` does it too. One round
  /// trip at the most.
  public func prepare(
    _ statements: [PreparedStatement], timeout: Duration
  ) throws(PostgreSQLError) {
    let missing = statements.filter { prepared[$0.name] == nil }
    try prepare(missing, until: ContinuousClock.now.advanced(by: timeout))
  }

  private func missing(in pipeline: Pipeline) -> [PreparedStatement] {
    var missing: [PreparedStatement] = []
    for case .prepared(let statement) in pipeline.entries.lazy.map(\.statement)
    where prepared[statement.name] == nil && !missing.contains(statement) {
      missing.append(statement)
    }
    return missing
  }

  /// In a pipeline of its own: a statement that was parsed stays prepared although the transaction
  /// is rolled back, and one behind an error is never parsed.
  private func prepare(
    _ statements: [PreparedStatement], until deadline: ContinuousClock.Instant
  ) throws(PostgreSQLError) {
    guard !statements.isEmpty else { return }
    try beginPipeline()
    let handle = try openHandle()
    for statement in statements {
      let types = statement.parameterTypes.map(\.identifier)
      guard PQsendPrepare(handle, statement.name, statement.sql, Int32(types.count), types) == 1
      else { throw lost() }
    }
    let reply = try endPipeline(of: statements.count, until: deadline)
    for statement in statements.prefix(reply.results.count) {
      prepared[statement.name] = statement
    }
    guard let failure = reply.failure else { return }
    let name = failure.statementIndex.map { statements[$0].name } ?? ""
    throw PostgreSQLError(
      .statement, "cannot prepare \(name): \(failure.message)", sqlState: failure.sqlState,
      detail: failure.detail)
  }

  /// What the server would misread rather than refuse: two types can have the same length.
  private func check(_ pipeline: Pipeline) throws(PostgreSQLError) {
    for (index, entry) in pipeline.entries.enumerated() {
      let parameters = entry.parameters
      guard parameters.count <= 65_535, parameters.byteCount < Int(Int32.max) else {
        throw PostgreSQLError(
          .statement, "more parameters than a statement can take",
          sqlState: .programLimitExceeded, statementIndex: index)
      }
      guard case .prepared(let statement) = entry.statement else { continue }
      guard parameters.types == statement.parameterTypes else {
        throw PostgreSQLError(
          .configuration, "parameters of \(statement.name) have other types than it was made for",
          statementIndex: index)
      }
      if let earlier = prepared[statement.name], earlier != statement {
        throw PostgreSQLError(
          .configuration, "two statements have the name \(statement.name)", statementIndex: index)
      }
    }
  }

  private func beginPipeline() throws(PostgreSQLError) {
    guard PQenterPipelineMode(try openHandle()) == 1 else { throw lost() }
  }

  private func endPipeline(
    of count: Int, inParts: Bool = false, until deadline: ContinuousClock.Instant
  ) throws(PostgreSQLError) -> PipelineReply {
    let handle = try openHandle()
    guard PQpipelineSync(handle) == 1 else { throw lost() }
    let reply = try collect(count, inParts: inParts, until: deadline)
    guard PQexitPipelineMode(handle) == 1 else { throw lost() }
    return reply
  }

  /// Waits until all that libpq holds has left, so that it never holds more than one large
  /// statement, and asks for the results so far: they come while the next one is on its way.
  private func pass(until deadline: ContinuousClock.Instant) throws(PostgreSQLError) {
    let handle = try openHandle()
    guard PQsendFlushRequest(handle) == 1 else { throw lost() }
    while true {
      let flushed = PQflush(handle)
      guard flushed >= 0 else { throw lost() }
      if flushed == 0 { return }
      // Both sides could wait for each other with full buffers (manual, 34.5.1.1).
      try wait(for: POLLIN | POLLOUT, until: deadline)
      onMove?()
      guard PQconsumeInput(handle) == 1 else { throw lost() }
    }
  }

  private static func send(_ entry: Pipeline.Entry, on handle: OpaquePointer) -> Bool {
    entry.parameters.withLibpqForm { values, lengths, formats in
      let count = Int32(values.count)
      switch entry.statement {
      case .prepared(let statement):
        return PQsendQueryPrepared(handle, statement.name, count, values, lengths, formats, 1) == 1
      case .text(let sql):
        let types = entry.parameters.types.map(\.identifier)
        return PQsendQueryParams(handle, sql, count, types, values, lengths, formats, 1) == 1
      }
    }
  }
}

extension Parameters {
  /// Calls `body` with libpq's three arrays: where each value lies (nil is NULL), its length, and
  /// that it is binary. The values stay where they are.
  fileprivate func withLibpqForm<Result>(
    _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Result
  ) -> Result {
    // An empty value needs an address too, or libpq takes it for NULL.
    let bytes = buffer.isEmpty ? [0] : buffer
    return bytes.withUnsafeBytes { raw in
      let start = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
      let values = ranges.map { range in range.flatMap { start?.advanced(by: $0.lowerBound) } }
      let lengths = ranges.map { Int32(clamping: $0?.count ?? 0) }
      return body(values, lengths, [Int32](repeating: 1, count: ranges.count))
    }
  }
}
