import MachineModel
import PostgreSQL
import ProgressorEngine

/// Deletes a namespace unless it has machines.
///
/// Batches hold the namespaces in which they start machines (commit_hold_namespaces). So whoever
/// has the namespace's row for himself sees every machine that was started, and none is started
/// until he has deleted it, or let it be: a node that dies over this leaves nothing behind.
struct NamespaceDeletion {
  let name: String
  let connection: Connection
  let timeout: Duration
  /// Of the database, for the end of jobs.
  let now: Timestamp

  /// The first schema whose nodes hold the namespaces in which they start machines.
  static let firstSchema: Int32 = 9
  /// Machines that are counted; there may be more.
  static let mostCounted: Int64 = 1_000
  /// How long it waits at a time for batches that start machines there. No start waits meanwhile,
  /// but what else is to be done with namespaces does.
  static let patience: Duration = .milliseconds(250)
  /// In all less than between two looks at the namespaces, which wait meanwhile.
  private static let tries = 3

  private struct Found {
    var number: NamespaceNumber
    var machines: Int64
    var areNodesOld: Bool
    /// Who should get a message that is not delivered; nil = there is none.
    var awaitsMessage: MachineID?
  }

  /// Throws NAMESPACE_NOT_FOUND, NAMESPACE_NOT_EMPTY, and STORAGE_UNAVAILABLE while a batch that
  /// starts machines there does not end, an older node has a lease, or what a removed machine has
  /// sent is not delivered yet.
  func run() throws {
    for _ in 0..<Self.tries {
      // Before anything is locked: one that is in use does not notice.
      let found = try look()
      if found.machines > 0 {
        throw ProgressorError.namespaceNotEmpty(name, machines: found.machines)
      }
      if found.areNodesOld {
        throw ProgressorError.namespaceBusy(
          name, "a node of an older version is running, which would not notice")
      }
      if let target = found.awaitsMessage {
        throw ProgressorError.namespaceBusy(
          name,
          "a message of a machine that was removed is not delivered yet, to \"\(target.id)\" in "
            + "\"\(target.namespace)\"")
      }
      if try delete(found.number) { return }
    }
    throw ProgressorError.namespaceBusy(name, "machines are being started in it, or removed")
  }

  private func look() throws -> Found {
    let parameters = Parameters.with {
      $0.append(name)
      $0.append(Self.mostCounted + 1)
      $0.append(Self.firstSchema)
    }
    let rows = try connection.run(Statements.namespaceMachines, parameters, timeout: timeout)
    guard let row = rows.first else { throw ProgressorError.namespaceNotFound(name) }
    var target: MachineID?
    if let namespace: String = try row.optional(3), let id: String = try row.optional(4) {
      target = MachineID(namespace: namespace, id: id)
    }
    return Found(
      number: NamespaceNumber(try row.value(0)), machines: try row.value(1),
      areNodesOld: try row.value(2), awaitsMessage: target)
  }

  /// False = it is to be looked at again.
  private func delete(_ number: NamespaceNumber) throws -> Bool {
    var pipeline = Pipeline()
    // The one begins anew with each batch that it waits for, the other is for all of them together.
    for statement in [Statements.sessionLockTimeout, Statements.sessionStatementTimeout] {
      pipeline.append(statement, .with { $0.append("\(Self.patience.microseconds / 1_000)") })
    }
    pipeline.append(Statements.namespaceLock, .with { $0.append(number.number) })
    pipeline.append(
      Statements.namespaceDelete,
      .with {
        $0.append(number.number)
        $0.append(now.sql)
        $0.append(Self.firstSchema)
      })
    do {
      let results = try connection.run(pipeline, timeout: timeout)
      return results.last.map { !$0.isEmpty } ?? false
    } catch {
      guard error.scope == .statement,
        error.sqlState == .lockNotAvailable || error.sqlState == .queryCanceled
      else { throw error }
      return false
    }
  }
}

extension ProgressorError {
  fileprivate static func namespaceNotEmpty(_ name: String, machines: Int64) -> ProgressorError {
    let most = NamespaceDeletion.mostCounted
    let number = machines > most ? "\(most)+" : "\(machines)"
    return ProgressorError(
      .failedPrecondition, .namespaceNotEmpty,
      "the namespace \"\(name)\" has \(number) machine\(machines == 1 ? "" : "s")",
      metadata: ["machines": number])
  }

  fileprivate static func namespaceBusy(_ name: String, _ why: String) -> ProgressorError {
    ProgressorError(
      .unavailable, .storageUnavailable, "the namespace \"\(name)\" cannot be deleted now: \(why)")
  }
}
