import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Load")
  struct LoadTests {
    @Test("A range brings the events that it selects, in its direction, clipped at both ends")
    func ranges() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start(events: (1...10).map { "\($0)" })])
      let afters: [Int64] = [0, 1, 2, 5, 9, 10, 11, .max]
      let limits: [Int32?] = [nil, 0, 1, 3, 9, 10, 11, .max]
      for direction in [HistoryRange.Direction.forward, .backward] {
        for after in afters {
          for limit in limits {
            let range = HistoryRange(after: after, limit: limit, direction: direction)
            let loaded = try await test.load(machine, row: false, history: range).get()
            var expected = range.ids(last: 10).map(Array.init) ?? []
            if direction == .backward { expected.reverse() }
            #expect(loaded.history.map(\.id) == expected, "\(range)")
            #expect(bodies(loaded.history) == expected.map { "\($0)" })
            #expect(loaded.row == nil && !loaded.historyTooLarge)
          }
        }
      }
    }

    @Test("Nothing is found of a machine that is not there, and nothing fails")
    func absent() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let loaded = try await test.load(
        TestMachine("nobody"), history: .all, key: "k", notificationsAfter: 0)
      #expect(loaded == .success(Loaded()))
    }

    @Test("A history beyond the limit is too large and brings none; a range of it does")
    func tooLarge() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      let mebibyte = String(repeating: "x", count: 1 << 20)
      _ = try await test.commit([machine.start(events: ["first"])])
      for _ in 1...2 {
        _ = try await test.commit([machine.step([String](repeating: mebibyte, count: 8))])
      }
      let all = try await test.load(machine, history: .all).get()
      #expect(all.historyTooLarge && all.history.isEmpty && all.row == machine.row)
      let most = HistoryRange(after: 0, limit: 16, direction: .forward)
      let part = try await test.load(machine, history: most).get()
      #expect(!part.historyTooLarge && part.history.count == 16)
      let back = HistoryRange(after: 0, limit: 2, direction: .backward)
      #expect(try await test.load(machine, history: back).get().history.map(\.id) == [17, 16])
    }

    @Test("Many loads at once are each answered with their own rows, whatever they ask for")
    func many() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machines = (0..<300).map {
        TestMachine("m\($0)", shard: Int32($0 % 4) * 2, key: Int64($0))
      }
      var records = machines.indices.map { machines[$0].start(events: ["e\($0)"]) }
      for index in records.indices where index % 2 == 0 {
        records[index].enqueued = [TestMachine.notification(1, args: "n\(index)")]
        records[index].idempotency = CommitTests.key("k\(index)")
        machines[index].row.notificationCount = 1
      }
      #expect(try await test.commit(records) == .committed)
      for index in machines.indices { test.request(machines[index], number: UInt64(index)) }
      for (index, machine) in machines.enumerated() {
        let id = LoadID(UInt64(index) + 1_000_000)
        let loaded = try await test.inbox.next("load \(index)") {
          if case .loaded(id, let result) = $0 { result } else { nil }
        }.get()
        #expect(loaded.row == machine.row)
        #expect(bodies(loaded.history) == ["e\(index)"])
        let isEven = index % 2 == 0
        #expect(loaded.notifications.map(\.args) == (isEven ? [Array("n\(index)".utf8)] : []))
        #expect(loaded.idempotency == (isEven ? CommitTests.key("k\(index)") : nil))
      }
    }

    @Test("What exceeds the memory of a round comes in later rounds, and all of it comes")
    func rounds() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machines = (0..<12).map { TestMachine("m\($0)", key: Int64($0)) }
      for index in machines.indices {
        machines[index].row.auxState = Content(
          data: [UInt8](repeating: UInt8(index), count: 5 << 20))
        try #require(try await test.commit([machines[index].start()]) == .committed)
      }
      for index in machines.indices { test.request(machines[index], number: UInt64(index)) }
      for (index, machine) in machines.enumerated() {
        let id = LoadID(UInt64(index) + 1_000_000)
        let row = try await test.inbox.next("load \(index)") {
          if case .loaded(id, let result) = $0 { result } else { nil }
        }.get().row
        #expect(row == machine.row)
      }
    }

    @Test("A row that cannot be understood fails its own load, and no other of the round")
    func unreadable() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var (good, bad) = (TestMachine("good", key: 1), TestMachine("bad", key: 2))
      bad.row.failure = Failure(
        reason: "r", failedAt: TestMachine.start, stepKind: .call, code: 2, attempts: 1)
      _ = try await test.commit([good.start(), bad.start()])
      _ = try test.connect().query(
        "UPDATE machine SET failure_step = 99 WHERE id = 'bad'", timeout: .seconds(10))
      test.request(bad, number: 0)
      test.request(good, number: 1)
      let results = try await [bad, good].indices.asyncMap { index in
        let id = LoadID(UInt64(index) + 1_000_000)
        return try await test.inbox.next("load") {
          if case .loaded(id, let result) = $0 { result } else { nil }
        }
      }
      guard case .failure(.unreadable) = results[0] else {
        Issue.record("read \(results[0])")
        return
      }
      #expect(try results[1].get().row == good.row)
    }

    @Test("What is left of a damaged machine is told; it fails, and the rest of its row stays")
    func damaged() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      machine.row.timer = TestMachine.timer
      _ = try await test.commit([machine.start()])
      let connection = try test.connect()
      let text = try connection.scalar("SELECT timer_context FROM machine", as: String.self)
      _ = try connection.query(
        "UPDATE machine SET timer_context = '?'", timeout: .seconds(10))
      let remains = try await test.load(machine, history: .all).get()
      #expect(remains.damage?.contains("damaged context") == true)
      #expect(remains.row?.version == 1 && remains.row?.timer == nil && remains.history.isEmpty)
      let failure = Failure(
        reason: "damaged", failedAt: TestMachine.start, stepKind: .call, code: 15, attempts: 1)
      let condemned = machine.record(.condemn(failure, version: 2))
      #expect(try await test.commit([condemned]) == .committed)
      #expect(try await test.load(machine).get().row?.failure == failure)
      #expect(try await test.list().get().map(\.status) == [.failed(failure)])
      _ = try connection.query(
        "UPDATE machine SET timer_context = $text$\(text)$text$", timeout: .seconds(10))
      let mended = try await test.load(machine).get()
      #expect(mended.damage == nil && mended.row?.timer == machine.row.timer)
      #expect(mended.row?.failure == failure && mended.row?.version == 2)
    }

    @Test("A load is one snapshot: row, history, queue and key are of the same commit")
    func snapshot() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let loads = Task { [machine] in
        for _ in 1...150 {
          let loaded = try await test.load(machine, history: .all).get()
          let row = try #require(loaded.row)
          #expect(loaded.history.count == Int(row.lastEventID))
          #expect(loaded.notifications.count == Int(row.notificationCount))
          #expect(row.version == row.lastEventID / 2 + 1)
        }
      }
      for step in 1...Int64(30) {
        var record = machine.step(["a", "b"])
        record.enqueued = [TestMachine.notification(step)]
        try #require(try await test.commit([record], slot: 0) == .committed)
      }
      try await loads.value
    }

    @Test("While the database is away, reads are answered as unavailable within their time")
    func unavailable() async throws {
      let test = try await TestStorage.owner { $0.readTimeout = .seconds(1) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      var pipeline = Pipeline()
      pipeline.append(sql: "BEGIN")
      pipeline.append(sql: "LOCK TABLE machine IN ACCESS EXCLUSIVE MODE")
      _ = try connection.run(pipeline, timeout: .seconds(10))
      #expect(try await test.load(TestMachine("m")) == .failure(.unavailable))
      #expect(try await test.list() == .failure(.unavailable))
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
      #expect(try await test.load(TestMachine("m")) == .success(Loaded()))
    }

    @Test("An expired key is not found; it can be used again; the sweep forgets it")
    func expiry() async throws {
      let test = try await TestStorage.owner { $0.sweepInterval = .milliseconds(200) }
      defer { test.storage.stop() }
      let machine = TestMachine("m")
      var old = CommitTests.key("k")
      old.expiresAt = TestMachine.start
      #expect(try await test.commit([machine.record(idempotency: old)]) == .committed)
      #expect(try await test.load(machine, row: false, key: "k").get().idempotency == nil)
      let new = CommitTests.key("k")
      #expect(try await test.commit([machine.record(idempotency: new)]) == .committed)
      #expect(try await test.load(machine, row: false, key: "k").get().idempotency == new)
      let others = (0..<300).map { number in
        var row = old
        row.key = "old \(number)"
        return TestMachine("m", shard: Int32(number % 2)).record(idempotency: row)
      }
      for slot in 0..<2 {
        let records = others.filter { Int($0.shard.number) == slot }
        #expect(try await test.commit(records, slot: slot) == .committed)
      }
      let connection = try test.connect()
      try connection.waitUntil("(SELECT count(*) = 1 FROM idempotency)")
      #expect(try connection.scalar("SELECT key FROM idempotency", as: String.self) == "k")
    }

    @Test(
      "Every kind of reply is remembered as it was",
      arguments: [
        StoredReply.started, .called(response: [0, 255]), .called(response: []),
        .notified(notificationID: "n-ü"), .repaired(response: [1]),
      ])
    func replies(_ reply: StoredReply) async throws {
      #expect(StoredReply(kind: reply.kind, data: reply.data) == reply)
    }
  }
}

extension TestStorage {
  /// Asks for everything of a machine, under a number of the test's own.
  fileprivate func request(_ machine: TestMachine, number: UInt64) {
    storage.perform(
      .load(
        LoadRequest(
          id: LoadID(number + 1_000_000), shard: machine.shard, namespace: machine.namespace,
          machine: machine.machine, row: true, history: .all,
          idempotencyKey: "k\(machine.row.key.number)")))
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(
    _ transform: (Element) async throws -> Value
  ) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
