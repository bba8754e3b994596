import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Subscribers of a consumer")
  struct SubscriberFeedTests {
    private func made(_ consumers: String...) async throws -> TestStorage {
      let test = try await TestStorage.owner()
      for consumer in consumers {
        try await test.storage.makeFeedConsumer(consumer, at: [], by: nil)
      }
      try test.connect().script("UPDATE feed_consumer SET generation = 1")
      return test
    }

    private func subscribers(_ count: Int, of consumer: ExactText = "c") -> [FeedSubscriber] {
      (0..<count).map { _ in FeedSubscriber(consumer: consumer, id: .random()) }
    }

    /// Nobody has seen it for so long.
    private func forget(
      _ subscriber: FeedSubscriber, for age: String, _ connection: Connection
    ) throws {
      try connection.script(
        """
        UPDATE feed_subscriber SET seen_at = now() - interval '\(age)'
        WHERE id = '\(subscriber.id.uuid)'
        """)
    }

    private func places(_ shares: [FeedSubscriber: FeedShare]) -> [Int64] {
      shares.values.map(\.place).sorted()
    }

    @Test("Subscribers have the places 0 to n - 1 of n, in the order in which they came")
    func shares() async throws {
      let test = try await made("c", "d")
      defer { test.storage.stop() }
      let storage = test.storage
      let (mine, theirs) = (subscribers(3), subscribers(2))
      var shares = try await storage.feedSubscribersLive(mine)
      #expect(places(shares) == [0, 1, 2])
      #expect(shares.values.allSatisfy { $0.parts == 3 && $0.generation == 1 })
      let later = try await storage.feedSubscribersLive(theirs)
      #expect(places(later) == [3, 4] && later.values.allSatisfy { $0.parts == 5 })
      // Of another consumer there are others.
      let others = try await storage.feedSubscribersLive(subscribers(1, of: "d") + mine)
      #expect(others.count == 4)
      for subscriber in mine {
        #expect(others[subscriber]?.place == shares[subscriber]?.place)
        #expect(others[subscriber]?.parts == 5)
      }
      // Each place is somebody's, whoever asks.
      shares = try await storage.feedSubscribersLive(theirs + mine)
      #expect(places(shares) == [0, 1, 2, 3, 4])
      #expect(try await storage.feedSubscribersLive([]) == [:])
    }

    @Test("What one that leaves had the others share")
    func leaving() async throws {
      let test = try await made("c")
      defer { test.storage.stop() }
      let storage = test.storage
      let all = subscribers(4)
      let before = try await storage.feedSubscribersLive(all)
      let first = try #require(all.first { before[$0]?.place == 0 })
      let stranger = FeedSubscriber(consumer: "x", id: all[1].id)
      try await storage.feedSubscribersLeave([first, stranger])
      let rest = all.filter { $0 != first }
      let shares = try await storage.feedSubscribersLive(rest)
      for subscriber in rest {
        #expect(shares[subscriber]?.place == (before[subscriber]?.place).map { $0 - 1 })
        #expect(shares[subscriber]?.parts == 3)
      }
    }

    @Test("One that was not seen for longer than the timeout is gone; before, it is not")
    func timeout() async throws {
      let test = try await made("c")
      defer { test.storage.stop() }
      let (storage, connection) = (test.storage, try test.connect())
      let (quiet, lively) = (subscribers(1)[0], subscribers(1)[0])
      _ = try await storage.feedSubscribersLive([quiet])
      #expect(try await storage.feedSubscribersLive([lively])[lively]?.place == 1)
      try forget(quiet, for: "1 s", connection)
      #expect(try await storage.feedSubscribersLive([lively])[lively]?.parts == 2)
      try forget(quiet, for: "1600 ms", connection)
      let listed = try await storage.feedConsumers(after: "", limit: 1, owner: nil)
      #expect(listed.first?.subscribers == 1)
      let share = try await storage.feedSubscribersLive([lively])[lively]
      #expect(share == FeedShare(generation: 1, place: 0, parts: 1))
      #expect(try connection.scalar("SELECT count(*) = 1 FROM feed_subscriber"))
      // It comes back as a new one.
      let back = try await storage.feedSubscribersLive([quiet])[quiet]
      #expect(back == FeedShare(generation: 1, place: 1, parts: 2))
    }

    @Test("One that was late itself keeps its place, if nobody noticed")
    func late() async throws {
      let test = try await made("c")
      defer { test.storage.stop() }
      let (storage, connection) = (test.storage, try test.connect())
      let subscriber = subscribers(1)[0]
      _ = try await storage.feedSubscribersLive([subscriber])
      try forget(subscriber, for: "1 hour", connection)
      let share = try await storage.feedSubscribersLive([subscriber])[subscriber]
      #expect(share == FeedShare(generation: 1, place: 0, parts: 1))
    }

    @Test("It hears that its consumer goes on elsewhere, and that it was deleted")
    func generation() async throws {
      let test = try await made("c")
      defer { test.storage.stop() }
      let storage = test.storage
      let subscriber = subscribers(1)[0]
      try await storage.resetFeedConsumer("c", [], othersBegin: true, owner: nil)
      #expect(try await storage.feedSubscribersLive([subscriber])[subscriber]?.generation == 2)
      try await storage.deleteFeedConsumer("c", owner: nil)
      let share = try #require(try await storage.feedSubscribersLive([subscriber])[subscriber])
      #expect(share.generation == nil)
      // Of what is not there nobody is kept.
      #expect(try test.connect().scalar("SELECT NOT EXISTS (SELECT FROM feed_subscriber)"))
    }

    @Test("Subscribers of consumers whose names look alike share nothing")
    func lookalikes() async throws {
      let test = try await made("caf\u{E9}", "cafe\u{301}")
      defer { test.storage.stop() }
      let (one, other) = (subscribers(1, of: "caf\u{E9}")[0], subscribers(1, of: "cafe\u{301}")[0])
      let shares = try await test.storage.feedSubscribersLive([one, other])
      let whole = FeedShare(generation: 1, place: 0, parts: 1)
      #expect(shares == [one: whole, other: whole])
    }

    @Test("Two nodes that take each other's subscribers for gone do not wait for each other")
    func deadlock() async throws {
      let test = try await made("c")
      let standby = try TestStorage(database: test.database)
      defer {
        test.storage.stop()
        standby.storage.stop()
      }
      let (connection, gate) = (try test.connect(), try test.connect())
      // Whoever deletes or sees a subscriber stops there, until the gate opens.
      try connection.script(
        """
        CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN coalesce(new, old); END $$;
        CREATE TRIGGER stop_here BEFORE UPDATE OR DELETE ON feed_subscriber
        FOR EACH ROW EXECUTE FUNCTION stop_here();
        """)
      let all = subscribers(2)
      for subscriber in all {
        _ = try await test.storage.feedSubscribersLive([subscriber])
      }
      for subscriber in all { try forget(subscriber, for: "1 hour", connection) }
      try gate.script("SELECT pg_advisory_lock(7)")
      async let one = test.storage.feedSubscribersLive([all[0]])
      async let other = standby.storage.feedSubscribersLive([all[1]])
      try connection.waitUntil(
        """
        (SELECT count(*) = 2 FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event = 'advisory')
        """)
      try gate.script("SELECT pg_advisory_unlock(7)")
      let shares = try await [one[all[0]], other[all[1]]]
      #expect(shares.allSatisfy { $0 != nil })
      // And then each has its part.
      _ = try await test.storage.feedSubscribersLive([all[0]])
      let later = try await standby.storage.feedSubscribersLive(all)
      #expect(places(later) == [0, 1] && later.values.allSatisfy { $0.parts == 2 })
    }

    @Test("One that is seen again just as it is taken for gone stays")
    func seenAgain() async throws {
      let test = try await made("c")
      let standby = try TestStorage(database: test.database)
      defer {
        test.storage.stop()
        standby.storage.stop()
      }
      let (connection, gate) = (try test.connect(), try test.connect())
      let (mine, other) = (subscribers(1)[0], subscribers(1)[0])
      _ = try await test.storage.feedSubscribersLive([mine])
      _ = try await standby.storage.feedSubscribersLive([other])
      try forget(other, for: "1 hour", connection)
      try connection.script(
        """
        CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN new; END $$;
        CREATE TRIGGER stop_here BEFORE UPDATE ON feed_subscriber FOR EACH ROW
        WHEN (new.id = '\(mine.id.uuid)') EXECUTE FUNCTION stop_here();
        """)
      try gate.script("SELECT pg_advisory_lock(7)")
      async let seen = test.storage.feedSubscribersLive([mine])
      try connection.waitUntil(
        """
        EXISTS (
          SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event = 'advisory')
        """)
      _ = try await standby.storage.feedSubscribersLive([other])
      try gate.script("SELECT pg_advisory_unlock(7)")
      #expect(try await seen[mine] != nil)
      #expect(try connection.scalar("SELECT count(*) = 2 FROM feed_subscriber"))
      #expect(try await test.storage.feedSubscribersLive([mine])[mine]?.parts == 2)
    }

    @Test("Nodes that come, go and see their subscribers all at once have no error")
    func crowd() async throws {
      let test = try await made("c", "d")
      let standby = try TestStorage(database: test.database)
      defer {
        test.storage.stop()
        standby.storage.stop()
      }
      let nodes = [test.storage, standby.storage]
      let kept = nodes.map { _ in subscribers(5) + subscribers(5, of: "d") }
      try await withThrowingTaskGroup { group in
        for (node, mine) in zip(nodes, kept) {
          let guests = subscribers(5)
          group.addTask {
            for round in 0..<50 {
              let all = mine + guests
              _ = try await node.feedSubscribersLive(round.isMultiple(of: 2) ? all : all.reversed())
              try await node.feedSubscribersLeave(guests.reversed())
              try await node.resetFeedConsumer("d", [], othersBegin: true, owner: nil)
            }
          }
        }
        try await group.waitForAll()
      }
      let shares = try await test.storage.feedSubscribersLive(kept.flatMap { $0 })
      for consumer in ["c", "d"] as [ExactText] {
        let parts = shares.filter { $0.key.consumer == consumer }.values
        #expect(parts.map(\.place).sorted() == Array(0..<10))
        #expect(parts.allSatisfy { $0.parts == 10 })
      }
    }
  }
}
