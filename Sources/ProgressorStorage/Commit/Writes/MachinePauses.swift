import MachineModel
import PostgreSQL
import ProgressorEngine

/// The pauses of machines, begun or ended.
enum MachinePauses: RowKind {
  static let statement = Statement(
    "commit_pause_machines", PackageResources.commit_pause_machines_sql)

  static func value(of write: RowWrite) -> MachineRow? {
    if case .pauseMachine(let row) = write { row } else { nil }
  }

  static let columns: [Column<MachineRow>] = [
    .shard, .machineKey,
    Column("version") { $0.value.version },
    Column("paused_at") { $0.value.pause?.pausedAt.sql },
    Column("reason") { $0.value.pause?.reason },
    Column("principal") { $0.value.pause?.principal?.withoutNUL },
    Column("due_at") { $0.value.due?.sql },
  ]
}
