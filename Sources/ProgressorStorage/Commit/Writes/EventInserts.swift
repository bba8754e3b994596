import MachineModel
import PostgreSQL
import ProgressorEngine

/// The events of steps.
enum EventInserts: RowKind {
  static let statement = Statement(
    "commit_insert_events", PackageResources.commit_insert_events_sql)

  static func value(of write: RowWrite) -> Event? {
    if case .insertEvent(let event) = write { event } else { nil }
  }

  static func bytes(of event: Event) -> Int { event.body.data.count }

  static let columns: [Column<Event>] = [
    .shard, .machineKey,
    Column("id") { $0.value.id },
    Column("created_at") { $0.value.createdAt.sql },
    Column("format") { $0.value.body.formatVersion },
    Column("data") { $0.value.body.data },
  ]
}
