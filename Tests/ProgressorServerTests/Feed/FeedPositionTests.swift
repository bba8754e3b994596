import MachineModel
import ProgressorStorage
import Testing

@testable import ProgressorServer

@Suite("How far a subscriber has come")
struct FeedPositionTests {
  private static func entry(_ shard: Int32, _ sequence: Int64) -> FeedEntry {
    FeedEntry(
      shard: ShardID(shard), sequence: sequence, machine: MachineID(namespace: "n", id: "m"),
      note: FeedNote(.created, at: Timestamp(microseconds: 1)))
  }

  private static func part(
    _ shard: Int32, _ sequences: ClosedRange<Int64>?, newest: Int64, gone: Int64 = 0,
    isWhole: Bool = true
  ) -> FeedPart {
    var part = FeedPart(shard: ShardID(shard), newest: newest, gone: gone)
    part.entries = (sequences.map(Array.init) ?? []).map { entry(shard, $0) }
    part.isWhole = isWhole
    return part
  }

  private func cursor(_ shard: Int32, _ sequence: Int64) -> FeedCursor {
    FeedCursor(shard: ShardID(shard), sequence: sequence)
  }

  /// Has the part read, and everything of it sent.
  private func take(_ part: FeedPart, _ position: inout FeedPosition) throws {
    for entry in try position.read(part) { position.passed(entry, isTold: true) }
    position.finished(part)
  }

  @Test("Each shard is read from its beginning, a few at a time, and then no more")
  func reading() throws {
    var position = FeedPosition()
    for shard in 0..<Int32(100) { position.begin(ShardID(shard), at: 7, gone: 0) }
    var asked: [FeedCursor] = []
    while case let some = position.next(), !some.isEmpty {
      #expect(some.count <= FeedPosition.pageShards)
      asked += some
      for cursor in some { try take(Self.part(cursor.shard.number, nil, newest: 7), &position) }
    }
    #expect(asked == (0..<100).map { cursor($0, 7) } && position.isAtEnd)
  }

  @Test("A shard that is held is not read, whatever is new, until it is released")
  func held() throws {
    var position = FeedPosition()
    for shard in 0..<Int32(2) { position.begin(ShardID(shard), at: 7, gone: 0) }
    position.hold(ShardID(1))
    position.hold(ShardID(5))
    #expect(position.next() == [cursor(0, 7)])
    position.mark(ShardID(1))
    #expect(position.isAtEnd)
    position.release()
    #expect(position.next() == [cursor(1, 7)])
    // No other one was.
    position.release()
    #expect(position.isAtEnd)
    // Who gets it anew begins anew.
    position.hold(ShardID(1))
    position.keep { $0 != ShardID(1) }
    position.begin(ShardID(1), at: 9, gone: 0)
    #expect(position.next() == [cursor(1, 9)])
  }

  @Test("A page that the database does not get ready with is halved, down to an entry of a shard")
  func halving() {
    var query = FeedQuery(cursors: (0..<5).map { cursor($0, 1) }, entries: 4)
    var left: [[ShardID]] = []
    for _ in 0..<5 { left.append(query.halve()) }
    #expect(left == [[2, 3, 4].map(ShardID.init), [ShardID(1)], [], [], []])
    #expect(query.cursors == [cursor(0, 1)] && query.entries == 1)
  }

  @Test("What was read in part is read on behind what was sent")
  func inParts() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: nil, gone: 0)
    #expect(position.next() == [cursor(0, 0)])
    try take(Self.part(0, 1...3, newest: 5, isWhole: false), &position)
    #expect(position.next() == [cursor(0, 3)])
    try take(Self.part(0, 4...5, newest: 5), &position)
    #expect(position.isAtEnd)
    position.mark(ShardID(0))
    position.mark(ShardID(0))
    #expect(position.next() == [cursor(0, 5)] && position.next().isEmpty)
  }

  @Test("A mark that comes while the shard is being read is not lost")
  func markedMeanwhile() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: nil, gone: 0)
    _ = position.next()
    position.mark(ShardID(0))
    try take(Self.part(0, 1...2, newest: 2), &position)
    #expect(position.next() == [cursor(0, 2)])
  }

  @Test("Entries of other namespaces are passed: a progress says so, once")
  func passing() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: nil, gone: 0)
    position.begin(ShardID(1), at: nil, gone: 0)
    _ = position.next()
    try take(Self.part(0, 3...3, newest: 9), &position)
    try take(Self.part(1, nil, newest: 4), &position)
    #expect(position.progress() == [cursor(0, 9), cursor(1, 4)] && position.hasCaughtUp)
    #expect(position.progress().isEmpty)
  }

  @Test("What was sent need not be told again")
  func toldByEntries() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: nil, gone: 0)
    _ = position.next()
    try take(Self.part(0, 1...3, newest: 3), &position)
    #expect(position.progress().isEmpty)
  }

  @Test("A cursor behind what is gone, or ahead of all, is refused")
  func outOfRange() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: 3, gone: 0)
    _ = position.next()
    #expect(throws: ProgressorError.cursorTooOld(ShardID(0), oldest: 4)) {
      try position.read(Self.part(0, 5...6, newest: 6, gone: 4))
    }
    #expect(throws: ProgressorError.cursorAhead(ShardID(0), newest: 2)) {
      try position.read(Self.part(0, nil, newest: 2))
    }
    #expect(throws: Never.self) { try position.read(Self.part(0, 4...4, newest: 4, gone: 3)) }
  }

  @Test("Who begins at the oldest misses only what goes before it is read")
  func oldest() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: nil, gone: 4)
    _ = position.next()
    #expect(try position.read(Self.part(0, 5...6, newest: 6, gone: 4)).count == 2)
    #expect(throws: ProgressorError.cursorTooOld(ShardID(0), oldest: 5)) {
      try position.read(Self.part(0, 6...6, newest: 6, gone: 5))
    }
  }

  @Test("A shard that it has no more is nobody's, and begins anew when it is back")
  func shared() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: 1, gone: 0)
    position.begin(ShardID(1), at: 1, gone: 0)
    _ = position.next()
    position.keep { $0.number == 1 }
    #expect(!position.has(ShardID(0)) && position.has(ShardID(1)))
    #expect(try position.read(Self.part(0, 2...9, newest: 9)).isEmpty)
    position.begin(ShardID(0), at: 5, gone: 0)
    position.begin(ShardID(1), at: 0, gone: 0)
    #expect(position.next() == [cursor(0, 5)])
    #expect(position.cursor(of: ShardID(1)) == cursor(1, 1))
  }

  @Test("An entry that was sent already is not sent again by a page that was read before")
  func twice() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: nil, gone: 0)
    _ = position.next()
    try take(Self.part(0, 1...3, newest: 3), &position)
    #expect(try position.read(Self.part(0, 2...4, newest: 4)).map(\.sequence) == [4])
  }

  @Test("What is kept below what is gone is read, once that is forgiven")
  func forgiven() throws {
    var position = FeedPosition()
    position.begin(ShardID(0), at: 2, gone: 0)
    let part = Self.part(0, 3...6, newest: 6, gone: 5)
    #expect(throws: ProgressorError.self) { try position.read(part) }
    position.forgive(ShardID(0), upTo: part.gone)
    let entries = try position.read(part)
    #expect(entries.map(\.sequence) == [3, 4, 5, 6])
  }
}
