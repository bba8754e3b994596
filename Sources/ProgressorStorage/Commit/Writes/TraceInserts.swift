import MachineModel
import PostgreSQL
import ProgressorEngine

/// What is recorded of steps.
enum TraceInserts: RowKind {
  static let statement = Statement("commit_insert_trace", PackageResources.commit_insert_trace_sql)

  static func value(of write: RowWrite) -> TracedStep? {
    if case .insertTrace(let step) = write { step } else { nil }
  }

  static let columns: [Column<TracedStep>] = [
    .shard, .machineKey,
    Column("sequence") { $0.value.record.sequence },
    Column("step") { $0.value.record.step },
    Column("kind") { $0.value.record.kind?.rawValue },
    Column("began_at") { $0.value.record.beganAt.sql },
    Column("ended_at") { $0.value.record.endedAt.sql },
    Column("outcome") { $0.value.record.outcome.rawValue },
    Column("attempt") { $0.value.record.attempt },
    Column("code") { $0.value.record.code },
    Column("message") { $0.value.record.message.withoutNUL },
    Column("first_event_id") { $0.value.record.firstEventID },
    Column("last_event_id") { $0.value.record.lastEventID },
    Column("principal") { $0.value.record.principal?.withoutNUL },
    Column("trace_id") { $0.value.record.traceID },
    Column("expires_at") { $0.value.expiresAt.sql },
  ]
}
