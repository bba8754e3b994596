import PostgreSQL

/// Shows at the start that the database gives as many sessions at once as this program needs, and
/// that they are sessions. Without that, what is missing would only show with the request that
/// needs it.
struct SessionTrial {
  let configuration: StorageConfiguration
  /// Ends the trial.
  var stop: StopSignal?

  /// Throws `crowded` with what is there and what the database says, `unfit` if a pooler gives one
  /// session to several, `unreachable` if there is none.
  func run() throws(StorageError) {
    let name = "trial/\(SQLUUID.random())"
    var sessions: [Connection] = []
    while sessions.count < configuration.sessions {
      do {
        sessions.append(try Connection.open(configuration.settings(for: name), stop: stop))
      } catch {
        for session in sessions { session.close() }
        guard !sessions.isEmpty else { throw StorageError(.unreachable, error.description) }
        throw StorageError(
          .crowded,
          """
          \(configuration.sessions) sessions are needed at once, and there are \(sessions.count): \
          \(error.message). Raise the role's CONNECTION LIMIT, the database's, max_connections or \
          the size of the pool
          """)
      }
    }
    let isShared = isOneShared(of: sessions)
    let last = sessions.removeLast()
    for session in sessions { session.close() }
    // The server needs a moment to end a session, and until then it counts.
    for _ in 0..<200 {
      let others = try? last.run(
        Statements.sessionOthers, .with { $0.append("progressor/\(name)") }, timeout: .seconds(1))
      let count: Int64? = try? others?.onlyRow().value(0)
      if count == nil || count == 0 { break }
    }
    last.close()
    if let isShared { throw StorageError(.unfit, isShared) }
  }

  /// What is wrong if sessions are not kept apart: each was opened after the others had ended their
  /// first transaction, when a pooler that keeps none would have given them away.
  private func isOneShared(of sessions: [Connection]) -> String? {
    for session in sessions {
      guard let facts = try? ServerFacts.read(from: session, timeout: .seconds(10)) else {
        continue
      }
      if facts.isPooled { return facts.refusals.joined(separator: "; ") }
    }
    return nil
  }
}
