import MachineModel
import PostgreSQL
import ProgressorEngine

/// Messages that steps send.
enum MessageInserts: RowKind {
  static let statement = Statement(
    "commit_insert_messages", PackageResources.commit_insert_messages_sql)

  static func value(of write: RowWrite) -> MessageRow? {
    if case .insertMessage(let message) = write { message } else { nil }
  }

  static func bytes(of message: MessageRow) -> Int { message.bytes }

  static let columns: [Column<MessageRow>] = [
    .shard, .machineKey,
    Column("number") { $0.value.ref.number },
    .namespace,
    Column("sender") { $0.value.sender.id },
    Column("target_namespace") { $0.value.target.namespace },
    Column("target") { $0.value.target.id },
    Column("kind") { $0.value.pending.message.kind.number },
    Column("args") { $0.value.pending.message.args },
    Column("name") { $0.value.pending.message.name },
    Column("reports_failure") { $0.value.pending.message.reportsFailure },
    Column("context") { $0.value.context.text },
    Column("created_at") { $0.value.pending.createdAt.sql },
    Column("deliver_at") { $0.value.pending.deliverAt.sql },
    Column("attempts") { $0.value.pending.attempts },
    Column("due_at") { $0.value.pending.nextAttemptAt?.sql },
    Column("last_code") { $0.value.pending.lastCode },
    Column("last_reason") { $0.value.pending.lastReason },
  ]
}

/// Messages that have had their effect, or are cancelled.
enum MessageDeletes: RowKind {
  static let statement = Statement(
    "commit_delete_messages", PackageResources.commit_delete_messages_sql)

  static func value(of write: RowWrite) -> Int64? {
    if case .deleteMessage(let number) = write { number } else { nil }
  }

  static let columns: [Column<Int64>] = [
    .shard, .machineKey, Column("number") { $0.value },
  ]
}

/// Messages of machines that are removed.
enum MessageForgets: RowKind {
  static let statement = Statement(
    "commit_forget_messages", PackageResources.commit_forget_messages_sql)

  static func value(of write: RowWrite) -> Timestamp? {
    if case .deleteMessages(let time) = write { time } else { nil }
  }

  static let columns: [Column<Timestamp>] = [
    .shard, .machineKey, Column("at") { $0.value.sql },
  ]
}

/// Messages that are tried again later, or never.
enum MessagePostponements: RowKind {
  static let statement = Statement(
    "commit_postpone_messages", PackageResources.commit_postpone_messages_sql)

  static func value(of write: RowWrite) -> PendingMessage? {
    if case .postponeMessage(let message) = write { message } else { nil }
  }

  static let columns: [Column<PendingMessage>] = [
    .shard, .machineKey,
    Column("number") { $0.value.number },
    Column("attempts") { $0.value.attempts },
    Column("deliver_at") { $0.value.deliverAt.sql },
    Column("due_at") { $0.value.nextAttemptAt?.sql },
    Column("last_code") { $0.value.lastCode },
    Column("last_reason") { $0.value.lastReason },
  ]
}

/// How many messages machines have.
enum MessageCounts: RowKind {
  static let statement = Statement(
    "commit_count_messages", PackageResources.commit_count_messages_sql)

  static func value(of write: RowWrite) -> MessageDifference? {
    if case .countMessages(let difference) = write { difference } else { nil }
  }

  static let columns: [Column<MessageDifference>] = [
    .shard, .machineKey,
    Column("pending") { $0.value.pending },
    Column("undelivered") { $0.value.undelivered },
  ]
}

extension OutgoingMessage.Kind {
  /// The number in the column `kind`: part of the stored format.
  var number: Int32 {
    switch self {
    case .start(_, ignoresExisting: false): 1
    case .start(_, ignoresExisting: true): 2
    case .notify: 3
    }
  }

  init?(number: Int32, args: [UInt8]) {
    switch number {
    case 1: self = .start(args: args, ignoresExisting: false)
    case 2: self = .start(args: args, ignoresExisting: true)
    case 3: self = .notify(args: args)
    default: return nil
    }
  }
}
