import MachineModel
import PostgreSQL
import ProgressorEngine

/// What is only known when a machine fails or works again, or waits for something else.
enum StatusNotes: RowKind {
  static let statement = Statement(
    "commit_note_status", PackageResources.commit_note_status_sql, .versionCheck,
    "AND machine.version = noted.version")

  static func value(of write: RowWrite) -> MachineRow? {
    if case .noteStatus(let row) = write { row } else { nil }
  }

  static let columns: [Column<MachineRow>] =
    [
      .shard, .machineKey,
      Column("version") { $0.value.version },
      Column("repaired_at") { $0.value.repairedAt?.sql },
      Column("failed_at") { $0.value.failure?.failedAt.sql },
    ] + Column.failedStep { $0.failure } + [
      Column("waiting_for") { $0.value.waitingFor }
    ]
}
