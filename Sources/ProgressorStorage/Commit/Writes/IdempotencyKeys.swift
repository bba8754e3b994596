import MachineModel
import PostgreSQL
import ProgressorEngine

/// What idempotency keys remember: also of a step that removed its machine.
enum IdempotencyKeys: RowKind {
  static let statement = Statement(
    "commit_upsert_idempotency", PackageResources.commit_upsert_idempotency_sql)

  static func value(of write: RowWrite) -> IdempotencyRow? {
    if case .rememberKey(let row) = write { row } else { nil }
  }

  static let columns: [Column<IdempotencyRow>] = [
    .shard, .namespace,
    Column("machine_id") { $0.machine.id },
    Column("key") { $0.value.key },
    Column("fingerprint") { $0.value.fingerprint },
    Column("reply_kind") { $0.value.reply.kind },
    Column("reply_data") { $0.value.reply.data },
    Column("expires_at") { $0.value.expiresAt.sql },
  ]
}
