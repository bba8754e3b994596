public import MachineModel
import PostgreSQL

/// How far a consumer has come.
public struct FeedConsumerState: Sendable, Hashable {
  /// Grows when it is to go on elsewhere.
  public var generation: Int64
  /// Of the other shards it begins at the oldest entry.
  public var cursors: [FeedCursor]
  /// Whose it is; nil = nobody's who has an identity.
  public var principal: String?
}

/// A subscriber of a consumer.
public struct FeedSubscriber: Sendable, Hashable {
  /// The name of the consumer.
  public var consumer: ExactText
  /// Its own, of this node's making.
  public var id: FeedSubscriberID

  public init(consumer: ExactText, id: FeedSubscriberID) {
    self.consumer = consumer
    self.id = id
  }
}

/// Tells one subscriber from all others, everywhere.
public struct FeedSubscriberID: Sendable, Hashable {
  let uuid: SQLUUID

  /// A new one.
  public static func random() -> FeedSubscriberID { FeedSubscriberID(uuid: .random()) }
}

/// Which part of its consumer's shards a subscriber has.
public struct FeedShare: Sendable, Hashable {
  /// nil = the consumer was deleted.
  public var generation: Int64?
  /// Its place among the subscribers; the first is 0.
  public var place: Int64
  /// How many there are.
  public var parts: Int64
}

// Consumers. What only its owner may know of is not there for others: `owner` nil = for nobody.

extension Storage {
  /// Makes a consumer that begins at these cursors, and in the other shards at the oldest entry,
  /// unless there is one of the name.
  ///
  /// - Parameter principal: Whose it is; nil = nobody has an identity.
  public func makeFeedConsumer(
    _ name: String, at cursors: [FeedCursor], by principal: String?
  ) async throws(ProgressorError) {
    let timeout = feedConsumers.timeout
    try await feedConsumers.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(name)
        $0.append(principal)
        $0.append(cursors)
      }
      _ = try connection.run(Statements.feedConsumerMake, parameters, timeout: timeout)
    }
  }

  /// nil = there is none of the name.
  public func feedConsumer(
    _ name: String, owner: String?
  ) async throws(ProgressorError) -> FeedConsumerState? {
    let timeout = feedConsumers.timeout
    return try await feedConsumers.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(name)
        $0.append(owner)
      }
      let rows = try connection.run(Statements.feedConsumerState, parameters, timeout: timeout)
      return try rows.first.map { (row) throws(PostgreSQLError) in
        var reader = RowReader(row)
        return FeedConsumerState(
          generation: try reader.next(), cursors: try reader.nextFeedCursors(),
          principal: try reader.nextOptional())
      }
    }
  }

  /// Says that these subscribers live. Answers which part of the shards each has.
  public func feedSubscribersLive(
    _ subscribers: [FeedSubscriber]
  ) async throws(ProgressorError) -> [FeedSubscriber: FeedShare] {
    let timeout = feedConsumers.timeout
    return try await feedConsumers.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(subscribers)
        $0.append(Storage.feedSubscriberTimeout)
      }
      var shares: [FeedSubscriber: FeedShare] = [:]
      for row in try connection.run(Statements.feedBeat, parameters, timeout: timeout) {
        var reader = RowReader(row)
        let subscriber = FeedSubscriber(
          consumer: ExactText(try reader.next()), id: FeedSubscriberID(uuid: try reader.next()))
        shares[subscriber] = FeedShare(
          generation: try reader.nextOptional(), place: try reader.next(),
          parts: try reader.next())
      }
      return shares
    }
  }

  /// Says that these subscribers are gone.
  public func feedSubscribersLeave(
    _ subscribers: [FeedSubscriber]
  ) async throws(ProgressorError) {
    let timeout = feedConsumers.timeout
    try await feedConsumers.perform { connection throws(PostgreSQLError) in
      _ = try connection.run(
        Statements.feedLeave, .with { $0.append(subscribers) }, timeout: timeout)
    }
  }

  /// Stores how far a consumer has come; never back. Throws `CONSUMER_NOT_FOUND`, and
  /// `CURSOR_AHEAD` when a shard has not come so far: then nothing is stored.
  ///
  /// - Parameter generation: The consumer as it was then and no later one counts; nil = any.
  public func acknowledgeFeed(
    _ name: String, _ cursors: [FeedCursor], owner: String?, generation: Int64? = nil
  ) async throws(ProgressorError) {
    let timeout = feedConsumers.timeout
    let (isThere, ahead) = try await feedConsumers.perform {
      connection throws(PostgreSQLError) -> (Bool, FeedCursor?) in
      let parameters = Parameters.with {
        $0.append(name)
        $0.append(owner)
        $0.append(cursors)
        $0.append(generation)
      }
      let row = try connection.run(Statements.feedAcknowledge, parameters, timeout: timeout)
        .onlyRow()
      let shard: Int32? = try row.optional(1)
      let ahead = try shard.map { (shard) throws(PostgreSQLError) in
        FeedCursor(shard: ShardID(shard), sequence: try row.value(2))
      }
      return (try row.value(0), ahead)
    }
    guard isThere else { throw .consumerNotFound(name) }
    if let ahead { throw .cursorAhead(ahead.shard, newest: ahead.sequence) }
  }

  /// Has a consumer go on at these cursors. Throws `CONSUMER_NOT_FOUND`.
  ///
  /// - Parameter others: Whether it begins at the oldest entry in the other shards; else it stays
  ///   where it is.
  public func resetFeedConsumer(
    _ name: String, _ cursors: [FeedCursor], othersBegin others: Bool, owner: String?
  ) async throws(ProgressorError) {
    try await changeFeedConsumer(
      name, Statements.feedReset,
      .with {
        $0.append(name)
        $0.append(owner)
        $0.append(cursors)
        $0.append(others)
      })
  }

  /// Forgets a consumer. Throws `CONSUMER_NOT_FOUND`.
  public func deleteFeedConsumer(_ name: String, owner: String?) async throws(ProgressorError) {
    try await changeFeedConsumer(
      name, Statements.feedConsumerDelete,
      .with {
        $0.append(name)
        $0.append(owner)
      })
  }

  /// Changes a consumer with a statement that says whether it is there: between what is
  /// acknowledged, and with all of that in sight.
  private func changeFeedConsumer(
    _ name: String, _ statement: Statement, _ parameters: Parameters
  ) async throws(ProgressorError) {
    let timeout = feedConsumers.timeout
    let isThere = try await feedConsumers.perform {
      connection throws(PostgreSQLError) -> Bool in
      var pipeline = Pipeline()
      pipeline.append(Statements.feedConsumerLock, .with { $0.append(name) })
      pipeline.append(statement, parameters)
      let results = try connection.run(pipeline, timeout: timeout)
      return try results.last?.onlyRow().value(0) ?? false
    }
    guard isThere else { throw .consumerNotFound(name) }
  }

  /// Consumers by name, behind this one; empty = from the first on.
  public func feedConsumers(
    after name: String, limit: Int32, owner: String?
  ) async throws(ProgressorError) -> [FeedConsumer] {
    let timeout = feedConsumers.timeout
    return try await feedConsumers.perform { connection throws(PostgreSQLError) in
      let parameters = Parameters.with {
        $0.append(name)
        $0.append(limit)
        $0.append(owner)
        $0.append(Storage.feedSubscriberTimeout)
      }
      return try connection.run(Statements.feedConsumers, parameters, timeout: timeout)
        .map { (row) throws(PostgreSQLError) in
          var reader = RowReader(row)
          let name: String = try reader.next()
          let createdAt = try reader.nextTime()
          return FeedConsumer(
            name: name, createdAt: createdAt, cursors: try reader.nextFeedCursors(),
            subscribers: try reader.next(), lag: try reader.next(),
            acknowledgedAt: try reader.nextOptionalTime())
        }
    }
  }
}

extension Parameters {
  /// Shards, and numbers in the same order.
  fileprivate mutating func append(_ cursors: [FeedCursor]) {
    appendArray(cursors) { $0.shard.number }
    appendArray(cursors) { $0.sequence }
  }

  /// Consumers, and ids in the same order.
  fileprivate mutating func append(_ subscribers: [FeedSubscriber]) {
    appendArray(subscribers) { $0.consumer.text }
    appendArray(subscribers) { $0.id.uuid }
  }
}

extension RowReader {
  /// Columns shards and numbers.
  fileprivate mutating func nextFeedCursors() throws(PostgreSQLError) -> [FeedCursor] {
    let shards = try nextArray(of: Int32.self)
    let sequences = try nextArray(of: Int64.self)
    return zip(shards, sequences).map { FeedCursor(shard: ShardID($0), sequence: $1) }
  }
}
