import MachineModel
import PostgreSQL
import ProgressorEngine

extension MessageQuery {
  /// The messages of a part of a node's shards that become due, those that are due first before
  /// others.
  func read(
    _ node: SQLUUID, on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> MessagePage {
    let bound = Bound(from)
    let parameters = Parameters.with {
      $0.append(node)
      $0.append(bound.due?.sql)
      $0.append(bound.shard)
      $0.append(bound.number)
      $0.append(until.sql)
      $0.append(limit)
      $0.append(part.cores)
      $0.append(part.core.number)
      $0.append(target)
    }
    let rows = try connection.run(Statements.dueMessages, parameters, timeout: timeout)
    var page = MessagePage(messages: [], reached: .end(of: until))
    for row in rows {
      var reader = RowReader(row)
      let place = MessagePlace(
        due: try reader.nextPlace(), shard: ShardID(try reader.next()), number: try reader.next())
      if rows.count == Int(limit) { page.reached = .after(place) }
      guard let key: Int64 = try reader.nextOptional() else { continue }
      let target = MachineID(namespace: try reader.next(), id: try reader.next())
      page.messages.append(
        DueMessage(
          ref: MessageRef(shard: place.shard, machine: MachineKey(key), number: place.number),
          target: target, deliverAt: place.due, due: try reader.nextPlace()))
    }
    return page
  }

  /// A cut as the place behind which it lies, in numbers: no message has a place between both.
  private struct Bound {
    /// nil = before all times.
    var due: Timestamp?
    var shard: Int32 = .max
    var number: Int64 = .max

    init(_ cut: Cut<MessagePlace>) {
      switch cut {
      case .start: break
      case .end(let time): due = time
      case .after(let place):
        (due, shard, number) = (place.due, place.shard.number, place.number)
      case .before(let place):
        // Numbers count from 1.
        (due, shard, number) = (place.due, place.shard.number, place.number - 1)
      }
    }
  }
}

extension MessageLoad {
  /// About the most bytes of what messages carry that come at once.
  private static let maximumBytes: Int64 = 8 << 20

  /// Those that are there and can be delivered.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> LoadedMessages {
    let places = Array(messages.indices)
    let parameters = Parameters.with {
      $0.appendArray(places) { Int32($0) }
      $0.appendArray(messages) { $0.shard.number }
      $0.appendArray(messages) { $0.machine.number }
      $0.appendArray(messages) { $0.number }
      $0.append(Self.maximumBytes)
    }
    var loaded = LoadedMessages()
    for row in try connection.run(Statements.loadMessages, parameters, timeout: timeout) {
      let place: Int32 = try row.value(0)
      guard messages.indices.contains(Int(place)) else {
        throw .unreadable("message \(place) of \(messages.count)")
      }
      let message = messages[Int(place)]
      do {
        var reader = RowReader(row, from: 1)
        if let row = try reader.nextMessage(message) {
          loaded.messages.append(row)
        } else {
          loaded.deferred.append(message)
        }
      } catch {
        loaded.unreadable.append(message)
      }
    }
    return loaded
  }
}

extension RowReader {
  /// The columns of load_messages from args on; nil = what it carries is not here.
  fileprivate mutating func nextMessage(
    _ message: MessageRef
  ) throws(PostgreSQLError) -> MessageRow? {
    guard let args: [UInt8] = try nextOptional() else { return nil }
    let namespace = NamespaceNumber(try next())
    let sender = MachineID(namespace: try next(), id: try next())
    let text: String = try next()
    guard let context = CallerContext(text: text) else {
      throw .unreadable("message \(message.number) with a damaged context")
    }
    return MessageRow(
      ref: message, namespace: namespace, sender: sender,
      pending: try nextPendingMessage(args: args), context: context)
  }
}
