import MachineModel
import PostgreSQL
import ProgressorEngine

/// One page of `ListNotifications`.
struct NotificationList {
  private let shard: ShardID
  private let namespace: NamespaceNumber
  private let machine: MachineID
  private let query: NotificationQuery

  init(
    _ shard: ShardID, _ namespace: NamespaceNumber, _ machine: MachineID,
    _ query: NotificationQuery
  ) {
    self.shard = shard
    self.namespace = namespace
    self.machine = machine
    self.query = query
  }

  /// nil = there is no such machine.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> NotificationPage? {
    let parameters = Parameters.with {
      $0.append(shard.number)
      $0.append(namespace.number)
      $0.append(machine.id)
      $0.append(query.after)
      $0.append(query.pageSize + 1)
      $0.append(NotificationQuery.maximumBytes)
    }
    let rows = try connection.run(Statements.listNotifications, parameters, timeout: timeout)
    guard let first = rows.first else { return nil }
    guard let looked: Int64 = try first.optional(0) else {
      return NotificationPage([], hasMore: false)
    }
    var queue: [QueuedNotification] = []
    for row in rows.prefix(Int(query.pageSize)) {
      var reader = RowReader(row, from: 1)
      queue.append(try reader.nextNotification())
    }
    return NotificationPage(queue, hasMore: looked > Int64(queue.count))
  }
}
