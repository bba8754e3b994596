import Logging
import PostgreSQL

/// Forgets expired idempotency keys of a writer's shards between its batches, a bounded number at
/// a time and under the fence, like everything that writes.
struct IdempotencySweeper {
  let configuration: StorageConfiguration
  let slot: Int
  private var next: Int64

  /// At most so many per shard, and per round: batches wait meanwhile.
  private static let perShard: Int32 = 50
  private static let perRound: Int32 = 1_000
  /// Between two rounds as long as there is more to do.
  private static let breather: Int64 = 100_000

  init(configuration: StorageConfiguration, slot: Int) {
    self.configuration = configuration
    self.slot = slot
    next = LocalClock.uptime() + configuration.sweepInterval.microseconds
  }

  /// The time until the next round.
  var pause: Duration { .microseconds(max(1_000, next - LocalClock.uptime())) }

  mutating func sweepIfDue<Item>(
    as node: SQLUUID, on writer: WriterSession<Item>, _ logger: Logger
  ) {
    guard LocalClock.uptime() >= next else { return }
    next = LocalClock.uptime() + configuration.sweepInterval.microseconds
    do {
      guard let (connection, identity) = try writer.open(for: node) else { return }
      // A round that hangs must not hold up batches for as long as they would wait themselves.
      let results = try connection.run(
        pipeline(under: identity), timeout: configuration.leaseDuration / 4)
      let deleted: Int64 = try results[1].onlyRow().value(0)
      // More may wait where that many were found.
      if deleted >= Int64(Self.perShard) {
        next = min(next, LocalClock.uptime() + Self.breather)
      }
    } catch {
      logger.debug("expired idempotency keys were not swept", metadata: ["error": "\(error)"])
      writer.close()
    }
  }

  private func pipeline(under identity: WriterIdentity) -> Pipeline {
    var pipeline = Pipeline()
    pipeline.append(fenceOf: identity, limit: configuration.leaseDuration / 4)
    pipeline.append(
      Statements.sweepIdempotency,
      .with {
        $0.append(identity.node)
        $0.append(Int32(identity.slot))
        $0.append(Int32(configuration.slots))
        $0.append(Self.perShard)
        $0.append(Self.perRound)
      })
    return pipeline
  }
}
