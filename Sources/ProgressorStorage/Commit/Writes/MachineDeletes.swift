import MachineModel
import PostgreSQL
import ProgressorEngine

/// Machines that are removed.
enum MachineDeletes: RowKind {
  static let statement = Statement(
    "commit_delete_machines", PackageResources.commit_delete_machines_sql, .versionCheck,
    "AND machine.version = removed.version")

  static func value(of write: RowWrite) -> Int64? {
    if case .deleteMachine(let version) = write { version } else { nil }
  }

  static let columns: [Column<Int64>] = [
    .shard, .machineKey, Column("version") { $0.value },
  ]
}
