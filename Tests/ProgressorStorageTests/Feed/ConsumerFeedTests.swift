import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Consumers of the feed")
  struct ConsumerFeedTests {
    private func cursors(
      _ name: String = "c", on test: TestStorage
    ) async throws -> Set<FeedCursor>? {
      try await test.storage.feedConsumer(name, owner: nil).map { Set($0.cursors) }
    }

    private func refusal(
      _ body: () async throws -> Void
    ) async throws -> ProgressorError {
      try #require(await #expect(throws: ProgressorError.self) { try await body() })
    }

    @Test("A consumer is made once, where it is to begin; who comes later changes nothing")
    func make() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let storage = test.storage
      #expect(try await storage.feedConsumer("c", owner: nil) == nil)
      let begin = [FeedCursor(0, 5), FeedCursor(3, 0)]
      try await storage.makeFeedConsumer("c", at: begin, by: nil)
      let made = try #require(try await storage.feedConsumer("c", owner: nil))
      #expect(made.generation > 0 && Set(made.cursors) == Set(begin))
      try await storage.makeFeedConsumer("c", at: [FeedCursor(0, 9), FeedCursor(1, 1)], by: "eve")
      #expect(try await storage.feedConsumer("c", owner: nil) == made)
      try await storage.makeFeedConsumer("d", at: [], by: nil)
      #expect(try await storage.feedConsumer("d", owner: nil)?.cursors == [])
    }

    @Test("What was acknowledged is stored by shard, and never goes back")
    func acknowledge() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for shard in [Int32(0), 1, 2] { try connection.fillFeed(shard: shard, count: 10) }
      let storage = test.storage
      try await storage.makeFeedConsumer("c", at: [FeedCursor(2, 4)], by: nil)
      let generation = try await storage.feedConsumer("c", owner: nil)?.generation
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 7), FeedCursor(1, 0)], owner: nil)
      #expect(
        try await cursors(on: test) == [FeedCursor(0, 7), FeedCursor(1, 0), FeedCursor(2, 4)])
      try await storage.acknowledgeFeed(
        "c", [FeedCursor(2, 10), FeedCursor(0, 6), FeedCursor(1, 1)], owner: nil)
      #expect(
        try await cursors(on: test) == [FeedCursor(0, 7), FeedCursor(1, 1), FeedCursor(2, 10)])
      try await storage.acknowledgeFeed("c", [], owner: nil)
      #expect(try await storage.feedConsumer("c", owner: nil)?.generation == generation)
    }

    @Test("What the feed has not come to is refused, with the shard and how far it has come")
    func ahead() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.fillFeed(shard: 0, count: 10)
      try connection.script("INSERT INTO feed_trimmed VALUES (1, 'orders', 6)")
      let storage = test.storage
      try await storage.makeFeedConsumer("c", at: [], by: nil)
      for (cursor, newest) in [
        (FeedCursor(0, 11), 10), (FeedCursor(1, 7), 6), (FeedCursor(2, 1), 0),
        (FeedCursor(0, .max), 10),
      ] {
        let error = try await refusal {
          try await storage.acknowledgeFeed("c", [FeedCursor(0, 3), cursor], owner: nil)
        }
        #expect(error.reason == .cursorAhead && error.code == .outOfRange)
        #expect(
          error.metadata == ["shard": "\(cursor.shard.number)", "newest": "\(newest)"])
        #expect(try await cursors(on: test) == [])
      }
      // As far as it came, though the entries are gone.
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 10), FeedCursor(1, 6)], owner: nil)
      #expect(try await cursors(on: test) == [FeedCursor(0, 10), FeedCursor(1, 6)])
    }

    @Test("One shard given twice is as far as the greater number says")
    func repeated() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try test.connect().fillFeed(count: 10)
      try await test.storage.makeFeedConsumer("c", at: [], by: nil)
      try await test.storage.acknowledgeFeed(
        "c", [FeedCursor(0, 2), FeedCursor(0, 8), FeedCursor(0, 5)], owner: nil)
      #expect(try await cursors(on: test) == [FeedCursor(0, 8)])
    }

    @Test("A consumer that is not there is not found, whatever is asked of it")
    func unknown() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let storage = test.storage
      let asked: [@Sendable () async throws -> Void] = [
        { try await storage.acknowledgeFeed("x", [FeedCursor(0, 0)], owner: nil) },
        { try await storage.resetFeedConsumer("x", [], othersBegin: true, owner: nil) },
        { try await storage.deleteFeedConsumer("x", owner: nil) },
      ]
      for ask in asked {
        let error = try await refusal(ask)
        #expect(error.reason == .consumerNotFound && error.code == .notFound)
      }
      let rows: Int64 = try test.connect().scalar(
        "SELECT (SELECT count(*) FROM feed_cursor) + (SELECT count(*) FROM feed_consumer)")
      #expect(rows == 0)
    }

    @Test("What only its owner may know of is not there for others, nor can they change it")
    func owner() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try test.connect().fillFeed(count: 10)
      let storage = test.storage
      try await storage.makeFeedConsumer("c", at: [FeedCursor(0, 1)], by: "caf\u{E9}")
      try await storage.makeFeedConsumer("free", at: [], by: nil)
      for other in ["eve", "cafe\u{301}", ""] {
        #expect(try await storage.feedConsumer("c", owner: other) == nil)
        #expect(try await storage.feedConsumer("free", owner: other) == nil)
        let listed = try await storage.feedConsumers(after: "", limit: 10, owner: other)
        #expect(listed.isEmpty)
        let asked: [@Sendable () async throws -> Void] = [
          { try await storage.acknowledgeFeed("c", [FeedCursor(0, 9)], owner: other) },
          { try await storage.resetFeedConsumer("c", [], othersBegin: true, owner: other) },
          { try await storage.deleteFeedConsumer("c", owner: other) },
        ]
        for ask in asked { #expect(try await refusal(ask).reason == .consumerNotFound) }
      }
      let own = try await storage.feedConsumer("c", owner: "caf\u{E9}")
      #expect(own?.cursors == [FeedCursor(0, 1)] && own?.principal == "caf\u{E9}")
      let listed = try await storage.feedConsumers(after: "", limit: 10, owner: "caf\u{E9}")
      #expect(listed.map(\.name) == ["c"])
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 2)], owner: "caf\u{E9}")
      try await storage.deleteFeedConsumer("c", owner: "caf\u{E9}")
    }

    @Test("A reset goes back or ahead, in the given shards or in all, and is another generation")
    func reset() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for shard in [Int32(0), 1] { try connection.fillFeed(shard: shard, count: 10) }
      let storage = test.storage
      try await storage.makeFeedConsumer("c", at: [], by: nil)
      let first = try #require(try await storage.feedConsumer("c", owner: nil)).generation
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 7), FeedCursor(1, 8)], owner: nil)
      try await storage.resetFeedConsumer(
        "c", [FeedCursor(0, 2), FeedCursor(3, 0)], othersBegin: false, owner: nil)
      #expect(
        try await cursors(on: test) == [FeedCursor(0, 2), FeedCursor(1, 8), FeedCursor(3, 0)])
      #expect(try await storage.feedConsumer("c", owner: nil)?.generation == first + 1)
      // From there it goes on.
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 3)], owner: nil)
      #expect(try await cursors(on: test)?.contains(FeedCursor(0, 3)) == true)
      // Who has not heard of it yet does not.
      await #expect(throws: ProgressorError.self) {
        try await storage.acknowledgeFeed("c", [FeedCursor(0, 9)], owner: nil, generation: first)
      }
      #expect(try await cursors(on: test)?.contains(FeedCursor(0, 3)) == true)
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 4)], owner: nil, generation: first + 1)
      #expect(try await cursors(on: test)?.contains(FeedCursor(0, 4)) == true)
      try await storage.resetFeedConsumer("c", [FeedCursor(1, 9)], othersBegin: true, owner: nil)
      #expect(try await cursors(on: test) == [FeedCursor(1, 9)])
      try await storage.resetFeedConsumer("c", [], othersBegin: true, owner: nil)
      #expect(
        try await storage.feedConsumer("c", owner: nil)
          == FeedConsumerState(generation: first + 3, cursors: []))
    }

    @Test("A deleted consumer leaves nothing behind; another of its name begins anew")
    func delete() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.fillFeed(count: 10)
      let storage = test.storage
      try await storage.makeFeedConsumer("c", at: [FeedCursor(0, 3)], by: nil)
      try await storage.makeFeedConsumer("d", at: [FeedCursor(0, 4)], by: nil)
      let gone = try #require(try await storage.feedConsumer("c", owner: nil)).generation
      _ = try await storage.feedSubscribersLive([FeedSubscriber(consumer: "c", id: .random())])
      try await storage.deleteFeedConsumer("c", owner: nil)
      #expect(try await storage.feedConsumer("c", owner: nil) == nil)
      #expect(try connection.scalar("SELECT NOT EXISTS (SELECT FROM feed_subscriber)"))
      try await storage.makeFeedConsumer("c", at: [], by: nil)
      let anew = try #require(try await storage.feedConsumer("c", owner: nil))
      #expect(anew.cursors == [] && anew.generation != gone)
      // Who read with the one that is gone acknowledges nothing of this one.
      await #expect(throws: ProgressorError.self) {
        try await storage.acknowledgeFeed("c", [FeedCursor(0, 9)], owner: nil, generation: gone)
      }
      #expect(try await cursors("d", on: test) == [FeedCursor(0, 4)])
    }

    @Test("What was acknowledged as the consumer was deleted is not where another one begins")
    func deletedMeanwhile() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let storage = test.storage
      try await acknowledge(FeedCursor(5, 9), as: test) {
        try await storage.deleteFeedConsumer("c", owner: nil)
      }
      try await storage.makeFeedConsumer("c", at: [], by: nil)
      #expect(try await cursors(on: test) == [])
    }

    @Test("What was acknowledged as the consumer was reset is reset as well")
    func resetMeanwhile() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let storage = test.storage
      try await acknowledge(FeedCursor(5, 9), as: test) {
        try await storage.resetFeedConsumer(
          "c", [FeedCursor(0, 0)], othersBegin: true, owner: nil)
      }
      #expect(try await cursors(on: test) == [FeedCursor(0, 0)])
    }

    /// Acknowledges this for the consumer "c", in a transaction that ends when `change` waits.
    private func acknowledge(
      _ cursor: FeedCursor, as test: TestStorage,
      _ change: @escaping @Sendable () async throws -> Void
    ) async throws {
      let (connection, rival) = (try test.connect(), try test.connect())
      try connection.fillFeed(shard: cursor.shard.number, count: 10)
      try await test.storage.makeFeedConsumer("c", at: [], by: nil)
      try rival.script("BEGIN")
      _ = try rival.run(
        Statements.feedAcknowledge,
        .with {
          $0.append("c")
          $0.append(String?.none)
          $0.appendArray([cursor.shard.number])
          $0.appendArray([cursor.sequence])
          $0.append(Int64?.none)
        }, timeout: .seconds(10))
      let changed = Task { try await change() }
      try connection.waitUntil(
        """
        EXISTS (
          SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'
            AND application_name = 'progressor/consumers')
        """)
      try rival.script("COMMIT")
      try await changed.value
    }

    @Test("Names of consumers are told apart by their bytes, and listed in their order by pages")
    func names() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let storage = test.storage
      let names = ["caf\u{E9}", "cafe\u{301}", "a'; --", "\"{a}\\", "Z", "a", " ", "\u{1F600}"]
      for name in names { try await storage.makeFeedConsumer(name, at: [], by: name) }
      try await storage.deleteFeedConsumer("cafe\u{301}", owner: nil)
      #expect(try await storage.feedConsumer("caf\u{E9}", owner: nil) != nil)
      try await storage.makeFeedConsumer("cafe\u{301}", at: [FeedCursor(0, 1)], by: nil)
      #expect(try await cursors("caf\u{E9}", on: test) == [])
      var (listed, last): ([ExactText], String) = ([], "")
      repeat {
        let page = try await storage.feedConsumers(after: last, limit: 3, owner: nil)
        #expect(page.count <= 3)
        listed += page.map { ExactText($0.name) }
        guard let next = page.last else { break }
        last = next.name
      } while true
      #expect(listed == names.map { ExactText($0) }.sorted())
    }

    @Test("A listing tells how far each has come, and how many entries it is behind")
    func listing() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      let storage = test.storage
      // 6 to 10 are there in the shard 0, 1 to 4 in the shard 1; of the shard 2 nothing is left.
      try connection.fillFeed(shard: 0, from: 6, count: 5)
      try connection.fillFeed(shard: 1, count: 4)
      try connection.script(
        "INSERT INTO feed_trimmed VALUES (0, 'orders', 5), (1, 'other', 9), (2, 'orders', 7)")
      func lag(_ cursors: [FeedCursor]) async throws -> Int64? {
        try await storage.makeFeedConsumer("c", at: [], by: nil)
        try await storage.resetFeedConsumer("c", cursors, othersBegin: true, owner: nil)
        return try await storage.feedConsumers(after: "", limit: 1, owner: nil).first?.lag
      }
      #expect(try await lag([]) == 9)
      #expect(try await lag([FeedCursor(0, 8)]) == 6)
      #expect(try await lag([FeedCursor(0, 10), FeedCursor(1, 4), FeedCursor(2, 7)]) == 0)
      // What is gone is not behind it, and no shard makes up for another.
      #expect(try await lag([FeedCursor(0, 2)]) == 9)
      #expect(try await lag([FeedCursor(1, 9)]) == 5)

      let before = try #require(
        try await storage.feedConsumers(after: "", limit: 1, owner: nil).first)
      #expect(before.acknowledgedAt == nil && before.subscribers == 0)
      try await storage.acknowledgeFeed("c", [FeedCursor(0, 9)], owner: nil)
      _ = try await storage.feedSubscribersLive(
        (0..<3).map { _ in FeedSubscriber(consumer: "c", id: .random()) })
      let after = try #require(
        try await storage.feedConsumers(after: "", limit: 1, owner: nil).first)
      #expect(after.cursors == [FeedCursor(0, 9), FeedCursor(1, 9)])
      #expect(after.lag == 1 && after.subscribers == 3 && after.createdAt == before.createdAt)
      #expect(try #require(after.acknowledgedAt) >= after.createdAt)
    }
  }
}
