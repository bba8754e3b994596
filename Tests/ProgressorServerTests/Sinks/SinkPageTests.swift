import MachineModel
import ProgressorSinks
import ProgressorStorage
import Testing

@testable import ProgressorServer

@Suite("What a sink has read, and how far it has got")
struct SinkPageTests {
  private static func part(_ shard: Int32, _ sequences: ClosedRange<Int64>) -> FeedPart {
    var part = FeedPart(shard: ShardID(shard), newest: sequences.upperBound, gone: 0)
    part.entries = sequences.map { sequence in
      FeedEntry(
        shard: ShardID(shard), sequence: sequence,
        machine: MachineID(namespace: "n", id: "m-\(sequence % 2)"),
        note: FeedNote(.created, at: Timestamp(microseconds: 1)))
    }
    part.isWhole = true
    return part
  }

  /// A page of both, and a position that has just had them read.
  private static func read(
    _ parts: [FeedPart], where isWanted: (FeedEntry) -> Bool = { _ in true }
  ) throws -> (page: SinkPage, position: FeedPosition) {
    var (page, position) = (SinkPage(), FeedPosition())
    for part in parts { position.begin(part.shard, at: 0, gone: 0) }
    _ = position.next()
    for part in parts { page.add(part, try position.read(part), where: isWanted) }
    return (page, position)
  }

  private func cursors(_ position: inout FeedPosition) -> [Int64] {
    position.progress().map(\.sequence)
  }

  @Test("What has all arrived is passed")
  func all() throws {
    var (page, position) = try Self.read([Self.part(0, 1...3), Self.part(1, 1...2)])
    #expect(page.pending.map(\.sequence) == [1, 2, 3, 1, 2])
    let parked = page.take(Array(repeating: .delivered, count: 5))
    #expect(parked.isEmpty && page.isSettled)
    let whole = page.settle(in: &position)
    #expect(whole.map(\.shard.number) == [0, 1] && position.isAtEnd)
    let cursors = cursors(&position)
    #expect(cursors == [3, 2])
  }

  @Test("Nothing is passed that follows what has not arrived, and only that comes again")
  func some() throws {
    var (page, position) = try Self.read([Self.part(0, 1...4), Self.part(1, 1...2)])
    let outcomes: [SinkOutcome] = [
      .delivered, .pending, .delivered, .pending, .delivered, .delivered,
    ]
    let parked = page.take(outcomes)
    #expect(parked.isEmpty && page.pending.map(\.sequence) == [2, 4])
    let whole = page.settle(in: &position)
    #expect(whole.map(\.shard.number) == [1])
    let cursors = cursors(&position)
    #expect(cursors == [1, 2])
    let next = position.next()
    #expect(next == [FeedCursor(shard: ShardID(0), sequence: 1)])
  }

  @Test("What is parked holds nothing up, and is told with its reason")
  func parked() throws {
    var (page, position) = try Self.read([Self.part(0, 1...3)])
    let parked = page.take([.delivered, .parked("too large"), .delivered])
    #expect(parked.map(\.entry.sequence) == [2] && parked.map(\.reason) == ["too large"])
    _ = page.settle(in: &position)
    let cursors = cursors(&position)
    #expect(cursors == [3])
  }

  @Test("What the sink does not want is passed without being delivered")
  func unwanted() throws {
    var (page, position) = try Self.read([Self.part(0, 1...4)]) { $0.sequence == 2 }
    #expect(page.pending.map(\.sequence) == [2])
    _ = page.settle(in: &position)
    let first = cursors(&position)
    #expect(first == [1])
    _ = page.take([.delivered])
    _ = page.settle(in: &position)
    let second = cursors(&position)
    #expect(second == [4])
  }

  @Test("A shard that others have now is nobody's here")
  func lost() throws {
    var (page, position) = try Self.read([Self.part(0, 1...2), Self.part(1, 1...2)])
    position.keep { $0.number == 1 }
    _ = page.take(Array(repeating: .delivered, count: 4))
    _ = page.settle(in: &position)
    let cursors = position.progress()
    #expect(cursors == [FeedCursor(shard: ShardID(1), sequence: 2)] && position.isAtEnd)
  }
}
