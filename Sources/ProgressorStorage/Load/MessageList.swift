import MachineModel
import PostgreSQL
import ProgressorEngine

/// One page of `ListMessages`.
struct MessageList {
  private let shard: ShardID
  private let namespace: NamespaceNumber
  private let machine: MachineID
  private let query: MessageListQuery

  init(
    _ shard: ShardID, _ namespace: NamespaceNumber, _ machine: MachineID, _ query: MessageListQuery
  ) {
    self.shard = shard
    self.namespace = namespace
    self.machine = machine
    self.query = query
  }

  /// nil = there is no such machine.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> MessageListPage? {
    let parameters = Parameters.with {
      $0.append(shard.number)
      $0.append(namespace.number)
      $0.append(machine.id)
      $0.append(query.after)
      $0.append(query.pageSize + 1)
      $0.append(MessageListQuery.maximumBytes)
    }
    let rows = try connection.run(Statements.listMessages, parameters, timeout: timeout)
    guard let first = rows.first else { return nil }
    guard let looked: Int64 = try first.optional(0) else {
      return MessageListPage(messages: [], hasMore: false)
    }
    var messages: [PendingMessage] = []
    for row in rows.prefix(Int(query.pageSize)) {
      var reader = RowReader(row, from: 1)
      messages.append(try reader.nextPendingMessage(args: try reader.next()))
    }
    return MessageListPage(messages: messages, hasMore: looked > Int64(messages.count))
  }
}

extension RowReader {
  /// The columns of a message from number on.
  mutating func nextPendingMessage(args: [UInt8]) throws(PostgreSQLError) -> PendingMessage {
    let number: Int64 = try next()
    let target = MachineID(namespace: try next(), id: try next())
    let kind: Int32 = try next()
    guard let kind = OutgoingMessage.Kind(number: kind, args: args) else {
      throw .unreadable("a message of kind \(kind)")
    }
    let name: String? = try nextOptional()
    let reportsFailure: Bool = try next()
    let createdAt = try nextTime()
    let deliverAt = try nextTime()
    return PendingMessage(
      number: number,
      message: OutgoingMessage(
        target: target, kind: kind, when: .at(deliverAt), name: name,
        reportsFailure: reportsFailure),
      createdAt: createdAt, deliverAt: deliverAt, attempts: try next(),
      nextAttemptAt: try nextOptionalTime(), lastCode: try next(), lastReason: try next())
  }
}
