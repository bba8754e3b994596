public import MachineModel
import PostgreSQL

extension Storage {
  /// A page may bring an aux state and an event of 8 MiB each, of a database that is busy.
  static let exportStatementTimeout: Duration = .seconds(20)

  /// A page of the machines of a namespace, to be carried elsewhere. Any node can tell. Throws
  /// `NAMESPACE_NOT_FOUND`, `MACHINE_NOT_FOUND`, `MACHINE_CHANGED`, `DATA_DAMAGED` and
  /// `STORAGE_UNAVAILABLE`.
  public func exportPage(_ query: ExportQuery) async throws(ProgressorError) -> ExportPage {
    let (shards, store) = (shards, exportStore)
    let timeout = store.timeout
    let found = try await store.perform { connection throws(PostgreSQLError) in
      do {
        var reading = ExportReading(query, shards: shards, on: connection, timeout: timeout)
        return Result<ExportPage, ProgressorError>.success(try reading.page())
      } catch let error as ProgressorError {
        return .failure(error)
      } catch let error as PostgreSQLError {
        throw error
      } catch {
        throw PostgreSQLError(.unexpectedValue, "\(error)")
      }
    }
    return try found.get()
  }
}

extension ProgressorError {
  static func exportedMachineChanged(_ machine: MachineID) -> ProgressorError {
    ProgressorError(
      .aborted, .machineChanged,
      "the queue of machine \"\(machine.id)\" changes faster than it is read: pause the machine, "
        + "or its namespace")
  }

  static func damagedExport(_ machine: MachineID, _ why: String) -> ProgressorError {
    ProgressorError(
      .internal, .dataDamaged,
      "the rows of machine \"\(machine.id)\" in namespace \"\(machine.namespace)\" cannot be "
        + "read: \(why)")
  }
}
