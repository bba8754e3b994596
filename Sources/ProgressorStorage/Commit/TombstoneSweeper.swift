import Logging
import PostgreSQL
import ProgressorEngine

/// Deletes what removed machines of a writer's shards have left behind, between its batches and under
/// the fence, piece by piece. Where it had got to is in the database: another owner goes on there.
struct TombstoneSweeper {
  let configuration: StorageConfiguration
  let slot: Int
  private var next: Int64

  /// Of one piece: batches wait meanwhile. A long value takes a row per 2 KB.
  static let rowsPerPiece: Int32 = 1_000
  private static let bytesPerPiece: Int64 = 4 << 20
  /// A piece is followed by a pause of so many times what it took, so that batches have the writer for
  /// most of the time, and by this one at least.
  private static let restPerWork: Int64 = 4
  private static let breather: Int64 = 10_000
  /// Removals that follow each other closely share a piece.
  private static let gathering: Int64 = 50_000

  init(configuration: StorageConfiguration, slot: Int) {
    self.configuration = configuration
    self.slot = slot
    next = LocalClock.uptime() + configuration.sweepInterval.microseconds
  }

  /// The time until the next piece.
  var pause: Duration { .microseconds(max(1_000, next - LocalClock.uptime())) }

  /// A batch has removed machines: there is something to do.
  mutating func machinesWereRemoved() {
    next = min(next, LocalClock.uptime() + Self.gathering)
  }

  mutating func sweepIfDue<Item>(
    as node: SQLUUID, on writer: WriterSession<Item>, _ logger: Logger
  ) {
    let begun = LocalClock.uptime()
    guard begun >= next else { return }
    next = begun + configuration.sweepInterval.microseconds
    do {
      guard let (connection, identity) = try writer.open(for: node) else { return }
      // A piece that hangs must not hold up batches for as long as they would wait themselves.
      let row = try connection.run(
        pipeline(under: identity), timeout: configuration.leaseDuration / 4)[1].onlyRow()
      if let damage: String = try row.optional(2) {
        logger.error(
          "rows of a removed machine cannot be deleted; they are tried again in an hour",
          metadata: ["error": "\(damage)"])
      }
      if try row.value(1) {
        let end = LocalClock.uptime()
        next = min(next, end + max(Self.breather, Self.restPerWork * (end - begun)))
      }
    } catch {
      logger.debug("removed machines were not swept", metadata: ["error": "\(error)"])
      writer.close()
    }
  }

  private func pipeline(under identity: WriterIdentity) -> Pipeline {
    var pipeline = Pipeline()
    pipeline.append(fenceOf: identity, limit: configuration.leaseDuration / 4)
    pipeline.append(
      Statements.sweepTombstones,
      .with {
        $0.append(identity.node)
        $0.append(Int32(identity.slot))
        $0.append(Int32(configuration.slots))
        $0.append(Self.rowsPerPiece)
        $0.append(Self.bytesPerPiece)
      })
    return pipeline
  }
}
