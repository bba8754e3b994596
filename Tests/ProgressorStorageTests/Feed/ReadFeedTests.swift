import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Pages of the feed")
  struct ReadFeedTests {
    private func read(
      _ cursors: [FeedCursor], on test: TestStorage, _ adjust: (inout FeedQuery) -> Void = { _ in }
    ) async throws -> [FeedPart] {
      var query = FeedQuery(cursors: cursors)
      adjust(&query)
      return try await test.storage.readFeed(query)
    }

    private func sequences(_ parts: [FeedPart]) -> [[Int64]] {
      parts.map { $0.entries.map(\.sequence) }
    }

    @Test("A shard without entries is whole, and nothing is newest in it")
    func empty() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      for namespaces in [[], ["orders"]] {
        let parts = try await read([FeedCursor(5, 0), FeedCursor(1, 7)], on: test) {
          $0.namespaces = namespaces
        }
        var expected = [Int32(5), 1].map { FeedPart(shard: ShardID($0), newest: 0, gone: 0) }
        for index in expected.indices { expected[index].isWhole = true }
        #expect(parts == expected)
      }
      #expect(try await read([], on: test) == [])
    }

    @Test("A page has what follows its cursor, and says whether that is all")
    func pages() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try test.connect().fillFeed(count: 7)
      var (found, wholes): ([[Int64]], [Bool]) = ([], [])
      for after in [Int64(0), 3, 6, 7] {
        let parts = try await read([FeedCursor(0, after)], on: test) { $0.entries = 3 }
        #expect(parts.map(\.newest) == [7])
        found += sequences(parts)
        wholes += parts.map(\.isWhole)
      }
      #expect(found == [[1, 2, 3], [4, 5, 6], [7], []])
      #expect(wholes == [false, false, true, true])
      // As many as a page may have: there may be more.
      let exact = try await read([FeedCursor(0, 4)], on: test) { $0.entries = 3 }
      #expect(sequences(exact) == [[5, 6, 7]] && exact.map(\.isWhole) == [false])
    }

    @Test(
      "What comes before an entry that cannot be read is there, and why it cannot",
      arguments: [
        ("kind = 2", FeedKind.event, false),
        ("created_at = '12000-01-01'", .created, false),
        ("kind = 3, failed_at = now()", .statusChanged, false),
        (
          "kind = 3, failed_at = now(), failure_reason = 'r', failure_step = 99", .statusChanged,
          true
        ),
        ("kind = 99", nil, true),
      ])
    func unreadable(_ change: String, _ kind: FeedKind?, isLater: Bool) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for shard in [Int32(0), 1] { try connection.fillFeed(shard: shard, count: 5) }
      try connection.script("UPDATE feed SET \(change) WHERE shard = 0 AND sequence = 3")
      let parts = try await read([FeedCursor(0, 0), FeedCursor(1, 0)], on: test)
      #expect(sequences(parts) == [[1, 2], [1, 2, 3, 4, 5]])
      let omission = try #require(parts[0].omission)
      #expect(omission.sequence == 3 && omission.machine.namespace == "orders")
      #expect(omission.kind == kind && parts[1].omission == nil)
      switch omission.cause {
      case .later: #expect(isLater)
      case .damaged: #expect(!isLater)
      case .large: Issue.record("it is small")
      }
      #expect(parts.map(\.isWhole) == [false, true])
      let rest = try await read([FeedCursor(0, 3)], on: test)
      #expect(sequences(rest) == [[4, 5]] && rest.first?.omission == nil)
    }

    @Test("Some namespaces: only their entries, in order, and up to the newest of all")
    func someNamespaces() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let records = (0..<12).map {
        TestMachine("m\($0)", in: ["a", "b", "c"][$0 % 3]).tells(.created)
      }
      #expect(try await test.commit(records) == .committed)
      func page(_ namespaces: [String], after: Int64 = 0, entries: Int32 = 100) async throws
        -> FeedPart
      {
        let parts = try await read([FeedCursor(0, after)], on: test) {
          $0.namespaces = namespaces
          $0.entries = entries
        }
        #expect(parts.count == 1)
        return parts[0]
      }
      let both = try await page(["c", "a"])
      #expect(both.entries.map(\.sequence) == [1, 3, 4, 6, 7, 9, 10, 12])
      #expect(both.newest == 12 && both.isWhole)
      let cut = try await page(["c", "a"], after: 3, entries: 3)
      #expect(cut.entries.map(\.sequence) == [4, 6, 7] && !cut.isWhole)
      let last = try await page(["b"], after: 11)
      #expect(last.entries.isEmpty && last.isWhole && last.newest == 12)
      let none = try await page(["x"])
      #expect(none.entries.isEmpty && none.isWhole && none.newest == 12)
    }

    @Test("A namespace that is named twice is told once")
    func repeatedNamespace() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try test.connect().fillFeed(count: 3)
      let parts = try await read([FeedCursor(0, 0)], on: test) {
        $0.namespaces = ["orders", "orders"]
        $0.entries = 3
      }
      #expect(sequences(parts) == [[1, 2, 3]])
    }

    @Test("Several shards come in the order of the query, each with entries of its own")
    func shards() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for shard in [Int32(0), 1, 6] { try connection.fillFeed(shard: shard, count: 5) }
      let cursors = [FeedCursor(6, 2), FeedCursor(3, 0), FeedCursor(0, 4), FeedCursor(1, 0)]
      let parts = try await read(cursors, on: test) { $0.entries = 4 }
      #expect(parts.map(\.shard.number) == [6, 3, 0, 1])
      #expect(sequences(parts) == [[3, 4, 5], [], [5], [1, 2, 3, 4]])
      #expect(parts.map(\.isWhole) == [true, true, true, false])
      #expect(parts.map(\.newest) == [5, 0, 5, 5])
    }

    @Test("After its bytes a page has no further entry; a shard without room is left out")
    func bytes() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      for shard in [Int32(0), 2, 4] {
        let machine = TestMachine("m", shard: shard)
        let records = (1...4).map { machine.tells(.event(bytes: 100, id: $0)) }
        #expect(try await test.commit(records) == .committed)
      }
      // Each is 228 bytes.
      let cursors = [FeedCursor(0, 2), FeedCursor(2, 0), FeedCursor(4, 0), FeedCursor(6, 0)]
      func page(_ bytes: Int64) async throws -> [FeedPart] {
        try await read(cursors, on: test) { $0.bytes = bytes }
      }
      var parts = try await page(1)
      #expect(sequences(parts.filter { $0.shard != ShardID(6) }) == [[3]])
      #expect(parts[0].isWhole == false)
      parts = try await page(229)
      #expect(sequences(parts.filter { $0.shard != ShardID(6) }) == [[3, 4]])
      #expect(parts[0].isWhole)
      parts = try await page(228 * 3)
      #expect(sequences(parts.filter { $0.shard != ShardID(6) }) == [[3, 4], [1]])
      #expect(parts[1].isWhole == false)
      // An empty one needs no room.
      #expect(parts.last?.shard == ShardID(6) && parts.last?.isWhole == true)
      parts = try await page(1 << 20)
      #expect(sequences(parts) == [[3, 4], [1, 2, 3, 4], [1, 2, 3, 4], []])
    }

    @Test("A large entry is left out with what follows it in its shard; its size is said")
    func largeEntry() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let (machine, other) = (TestMachine("m"), TestMachine("o", shard: 2))
      #expect(
        try await test.commit([
          machine.tells(.created, .event(bytes: 5_000), .removed), other.tells(.created),
        ]) == .committed)
      let cursors = [FeedCursor(0, 0), FeedCursor(2, 0)]
      let large = FeedOmission(
        sequence: 2, machine: machine.machine, kind: .event, cause: .large(bytes: 5_128))
      let parts = try await read(cursors, on: test) { $0.largest = 1_000 }
      #expect(sequences(parts) == [[1], [1]])
      #expect(parts.map(\.omission) == [large, nil])
      #expect(parts.map(\.isWhole) == [false, true])
      // By itself, for who takes it.
      let alone = try await read([FeedCursor(0, 1)], on: test) {
        ($0.largest, $0.entries, $0.bytes) = (5_128, 1, 1)
      }
      #expect(sequences(alone) == [[2]])
      #expect(alone[0].entries[0].note.change == .event(bytes: 5_000))
      // As the first one of its page, too.
      let first = try await read([FeedCursor(0, 1)], on: test) { $0.largest = 1_000 }
      #expect(sequences(first) == [[]] && first[0].omission == large && !first[0].isWhole)
    }

    @Test("Events of other kinds than those that are wanted come without their data, and are small")
    func kinds() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let failure = Failure(
        reason: "r", failedAt: TestMachine.start, stepKind: .call, code: 1, attempts: 1)
      let changes: [FeedChange] = [
        .created, .event(bytes: 5_000), .statusChanged(failure), .removed,
      ]
      var record = TestMachine("m").record()
      record.feed = changes.map { FeedNote($0, at: .lately) }
      #expect(try await test.commit([record]) == .committed)
      for kinds: Set<FeedKind> in [[], [.event], [.created, .event], [.created], [.removed]] {
        let parts = try await read([FeedCursor(0, 0)], on: test) { $0.kinds = kinds }
        var expected = changes
        if !kinds.isEmpty, !kinds.contains(.event) { expected[1] = .event(bytes: 0) }
        #expect(parts[0].entries.map(\.note.change) == expected, "\(kinds)")
      }
      // What it does not show is not too large.
      let parts = try await read([FeedCursor(0, 0)], on: test) {
        ($0.kinds, $0.largest) = ([.removed], 200)
      }
      #expect(parts[0].entries.count == 4 && parts[0].omission == nil)
    }

    @Test("What is gone is told of the namespaces that are read, and of all others not")
    func gone() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try test.connect().script(
        """
        INSERT INTO feed_trimmed VALUES
          (0, 'a', 3), (0, 'b', 9), (0, 'caf\u{E9}', 4), (0, 'cafe\u{301}', 5), (2, 'a', 1)
        """)
      func gone(_ namespaces: [String]) async throws -> [Int64] {
        let cursors = [FeedCursor(0, 0), FeedCursor(2, 0), FeedCursor(4, 0)]
        let parts = try await read(cursors, on: test) { $0.namespaces = namespaces }
        // Numbers that are gone were given.
        #expect(parts.map(\.newest) == [9, 1, 0])
        return parts.map(\.gone)
      }
      #expect(try await gone([]) == [9, 1, 0])
      #expect(try await gone(["a"]) == [3, 1, 0])
      #expect(try await gone(["a", "b"]) == [9, 1, 0])
      #expect(try await gone(["caf\u{E9}"]) == [4, 0, 0])
      #expect(try await gone(["x"]) == [0, 0, 0])
      let beginnings = try await test.storage.feedBeginnings(ofNamespaces: ["cafe\u{301}", "a"])
      #expect(Set(beginnings) == [FeedCursor(0, 5), FeedCursor(2, 1)])
    }
  }
}
