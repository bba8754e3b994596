import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Numbers of the feed")
  struct FeedTests {
    private static let kept = Failure(
      reason: "é\"'", failedAt: TestMachine.start, stepKind: .timeout, code: 13, attempts: 9,
      step: "c-1-2", principal: "e\u{301}")

    @Test("Entries of a shard are 1, 2, … in the order of the records, from batch to batch")
    func order() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let (a, b) = (TestMachine("a"), TestMachine("b", key: 2))
      #expect(
        try await test.commit([
          a.tells(.created, .statusChanged(nil)), b.tells(.created), a.record(), a.tells(.removed),
        ]) == .committed)
      #expect(try await test.commit([b.tells(.removed), a.tells(.created)]) == .committed)
      let entries = try await test.part().entries
      #expect(entries.map(\.sequence) == [1, 2, 3, 4, 5, 6])
      #expect(entries.map(\.machine.id) == ["a", "a", "b", "a", "b", "a"])
      #expect(
        entries.map(\.note.change) == [
          .created, .statusChanged(nil), .created, .removed, .removed, .created,
        ])
      #expect(try await test.heads(2) == [6, 0])
    }

    @Test("Each shard of a batch has numbers of its own, whatever the namespaces in it")
    func shards() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let (sales, stock) = ("sales", "stock")
      for round in 0..<3 {
        var records: [CommitRecord] = []
        for index in 0..<30 {
          let machine = TestMachine(
            "m\(index)", in: index.isMultiple(of: 2) ? sales : stock, shard: Int32(index % 3) * 2)
          records.append(machine.tells(.created))
        }
        #expect(try await test.commit(records) == .committed)
        let count = Int64(round + 1) * 10
        #expect(try await test.heads(6) == [count, 0, count, 0, count, 0])
      }
      for shard in [Int32(0), 2, 4] {
        let entries = try await test.part(shard).entries
        #expect(entries.map(\.sequence) == Array(1...30))
        let rounds = entries.map { Int($0.machine.id.dropFirst()) ?? -1 }
        let expected = Array(stride(from: Int(shard) / 2, to: 30, by: 3))
        #expect(rounds == expected + expected + expected)
        #expect(entries.allSatisfy { $0.shard == ShardID(shard) })
      }
    }

    @Test("What is told is read back with every field of every kind")
    func roundTrip() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      // Of an imported event both times are kept: when it came about, and when it was told.
      let imported = Event(
        id: 1 << 40, createdAt: .earliest,
        body: Content(formatVersion: -7, data: Array(0...255)))
      let bare = Event(id: 2, createdAt: .latest, body: Content(formatVersion: 0, data: []))
      var plain = Self.kept
      (plain.step, plain.principal) = ("", nil)
      let changes: [FeedChange] = [
        .created, .event(imported), .event(bare), .statusChanged(Self.kept),
        .statusChanged(plain), .statusChanged(nil), .removed,
      ]
      let machine = TestMachine("m/ü\u{10FFFF}\u{1}")
      let time = Timestamp.lately
      var record = machine.record()
      record.feed = changes.map { FeedNote($0, at: time) }
      #expect(try await test.commit([record]) == .committed)
      let expected = zip(1..., changes).map { sequence, change in
        FeedEntry(
          shard: machine.shard, sequence: sequence, machine: machine.machine,
          note: FeedNote(change, at: time))
      }
      let found = try await test.part().entries
      #expect(found == expected)
      guard case .statusChanged(let failure?) = found[3].note.change else {
        Issue.record("no failure: \(found[3])")
        return
      }
      // Two spellings of one text are two.
      #expect(failure.principal.map { Array($0.utf8) } == Array("e\u{301}".utf8))
    }

    @Test("A failure's NULs are replaced, as in the machine itself")
    func nul() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var failure = Self.kept
      failure.reason = "a\0b"
      #expect(
        try await test.commit([TestMachine("m").tells(.statusChanged(failure))]) == .committed)
      failure.reason = "a\u{FFFD}b"
      #expect(try await test.part().entries.map(\.note.change) == [.statusChanged(failure)])
    }

    @Test("A batch that is refused uses no number up")
    func refused() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      var started = machine.start()
      started.feed = [FeedNote(.created, at: .lately)]
      #expect(try await test.commit([started]) == .committed)
      var stale = machine
      stale.row.version = 7
      let batch = [
        TestMachine("a").tells(.created), stale.tellingStep(["x"]),
        TestMachine("b").tells(.created),
      ]
      #expect(try await test.commit(batch) == .refused("PGF02"))
      #expect(try await test.heads(1) == [1])
      #expect(try await test.commit([batch[0], batch[2]]) == .committed)
      #expect(try await test.commit([machine.tellingStep(["y", "z"])]) == .committed)
      #expect(try await test.sequences() == [1, 2, 3, 4, 5])
      #expect(try await test.part().entries.map(\.machine.id) == ["m", "a", "b", "m", "m"])
    }

    @Test("However batches are lost on their way, each is told once, in order and without a gap")
    func unknownOutcome() async throws {
      // So long that no batch is held for stuck, however often its session is ended.
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(120) }
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let killer = Killer(test)
      var steps = 0
      while killer.kills < 10 {
        for _ in 1...10 {
          let record = machine.tellingStep(["a", "b"])
          var outcome: TestStorage.Outcome
          repeat {
            outcome = try await test.outcome(of: test.submit([record]), within: .seconds(120))
            // Certainly not written.
          } while outcome == .refused("none")
          try #require(outcome == .committed)
          steps += 1
        }
      }
      killer.stop()
      let entries = try await test.part().entries
      #expect(entries.map(\.sequence) == Array(1...Int64(2 * steps)))
      let ids = entries.map { entry -> Int64 in
        if case .event(let event) = entry.note.change { event.id } else { 0 }
      }
      #expect(ids == entries.map(\.sequence))
    }

    @Test("Another owner goes on behind what was numbered, trimmed entries included")
    func takeover() async throws {
      let test = try await TestStorage.owner()
      let standby = try TestStorage(database: test.database)
      defer { standby.storage.stop() }
      let machine = TestMachine("m")
      let other = TestMachine("m", shard: 2)
      #expect(
        try await test.commit([
          machine.tells(.created, .removed), other.tells(.created, .removed),
        ]) == .committed)
      test.storage.stop()
      // What it kept of the second shard was forgotten.
      try standby.connect().script(
        "DELETE FROM feed WHERE shard = 2; INSERT INTO feed_trimmed VALUES (2, 'orders', 2)")
      try await standby.grants()
      #expect(
        try await standby.commit([machine.tells(.created), other.tells(.created)]) == .committed)
      #expect(try await standby.sequences(0) == [1, 2, 3])
      #expect(try await standby.sequences(2) == [3])
    }

    @Test("Numbers go on behind what was trimmed, though nothing is left of it")
    func afterTrimming() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(50) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let machine = TestMachine("m")
      let old = machine.tells(.created, .removed, at: TestMachine.start)
      for last in [Int64(2), 5, 8] {
        #expect(try await test.commit([old]) == .committed)
        try connection.waitUntil("NOT EXISTS (SELECT FROM feed)")
        #expect(try await test.heads(1) == [last])
        #expect(try await test.commit([machine.tells(.created)]) == .committed)
        #expect(try await test.sequences() == [last + 1])
        try connection.script("UPDATE feed SET created_at = '2000-01-01'")
      }
    }

    @Test("Names are told apart by their bytes, whatever is in them")
    func names() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let names = [
        "caf\u{E9}", "cafe\u{301}", "a'; DROP TABLE feed; --", "\"", "{a,b}", "\\N", "NULL", "a\nb",
        "%", "\u{1F600}",
      ]
      let records = names.map { TestMachine($0, in: $0).tells(.created) }
      #expect(try await test.commit(records) == .committed)
      for (sequence, name) in zip(Int64(1)..., names) {
        let part = try await test.part(namespaces: [name])
        #expect(part.entries.map(\.sequence) == [sequence], "\(name)")
        let found = try #require(part.entries.first?.machine)
        #expect(found.namespace.isExactly(name) && found.id.isExactly(name))
      }
      let most = try await test.part(namespaces: Array(names.dropFirst()))
      #expect(most.entries.map(\.sequence) == Array(2...Int64(names.count)))
    }

    @Test("Who follows hears of each shard to which a batch added entries, and of no other")
    func board() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let told = Told()
      test.storage.followFeed { shards in told.add(shards) }
      let quiet = TestMachine("q", shard: 4)
      #expect(try await test.commit([quiet.record(traced: TestMachine.traced(1))]) == .committed)
      #expect(
        try await test.commit([
          TestMachine("a").tells(.created), quiet.record(),
          TestMachine("b", shard: 2).tells(.created),
        ]) == .committed)
      try await eventually("told") { !told.shards.isEmpty }
      #expect(told.shards == [ShardID(0), ShardID(2)])
      test.storage.followFeed(nil)
      #expect(try await test.commit([TestMachine("c", shard: 6).tells(.created)]) == .committed)
      #expect(try await test.sequences(6) == [1])
      #expect(told.shards.count == 2)
    }

    private final class Told: Sendable {
      private let all = Mutex<Set<ShardID>>([])

      var shards: Set<ShardID> { all.withLock { $0 } }

      func add(_ shards: [ShardID]) { all.withLock { $0.formUnion(shards) } }
    }
  }
}
