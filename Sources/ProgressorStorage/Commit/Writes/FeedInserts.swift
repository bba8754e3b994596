import MachineModel
import PostgreSQL
import ProgressorEngine

/// What those are told who follow along: each gets its number in the statement.
enum FeedInserts: RowKind {
  static let statement = Statement(
    "commit_insert_feed", PackageResources.commit_insert_feed_sql, .feedNumbers,
    "feed_trimmed.shard = touched.shard", with: "false")

  static func value(of write: RowWrite) -> FeedNote? {
    if case .insertFeed(let note) = write { note } else { nil }
  }

  static func bytes(of value: FeedNote) -> Int { value.bytes }

  static let columns: [Column<FeedNote>] =
    [
      .shard,
      Column("namespace") { $0.machine.namespace },
      Column("machine_id") { $0.machine.id },
      Column("kind") { $0.value.change.kind.rawValue },
      Column("created_at") { $0.value.createdAt.sql },
      Column("event_id") { $0.value.event?.id },
      Column("event_at") { $0.value.event?.createdAt.sql },
      Column("format") { $0.value.event?.body.formatVersion },
      Column("data") { $0.value.event?.body.data },
    ] + Column.failure { $0.failure } + Column.failedStep { $0.failure }
}

extension FeedNote {
  fileprivate var event: Event? {
    if case .event(let event) = change { event } else { nil }
  }

  fileprivate var failure: Failure? {
    if case .statusChanged(let failure) = change { failure } else { nil }
  }
}
