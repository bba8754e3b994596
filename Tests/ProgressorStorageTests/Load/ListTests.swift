import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("List and look ahead")
  struct ListTests {
    private let failure = Failure(
      reason: "broken", failedAt: TestMachine.start, stepKind: .call, code: 2, attempts: 1)

    @Test("Machines come ordered by the bytes of their ids, page after page, each once")
    func paging() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let ids = ["a", "A", "aa", "ab", "b", "é", "~", "\u{10FFFF}", "0", "a b", "a/1"]
      let records = ids.enumerated().map { index, id in
        var machine = TestMachine(id, shard: Int32(index % 4) * 2, key: Int64(index))
        machine.row.auxState = Content(formatVersion: 1, data: Array(id.utf8))
        return machine.start()
      }
      _ = try await test.commit(records)
      let sorted = ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      var found: [String] = []
      while true {
        let page = try await test.list(pageSize: 3, after: found.last).get()
        found += page.prefix(3).map(\.machineID.id)
        #expect(page.allSatisfy { $0.auxState?.data == Array($0.machineID.id.utf8) })
        if page.count < 4 { break }
      }
      #expect(found == sorted)
      #expect(try await test.list(namespace: NamespaceNumber(2)).get().isEmpty)
    }

    @Test(
      "A prefix selects exactly the ids that begin with it",
      arguments: ["", "a", "a/", "a/2", "é", "\u{10FFFF}", "z"])
    func prefixes(_ prefix: String) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let ids = [
        "a", "a/1", "a/2", "a/2\u{10FFFF}x", "a/3", "b", "é", "éa", "f", "\u{10FFFF}",
        String(repeating: "\u{10FFFF}", count: 64),
        "a/" + String(repeating: "\u{10FFFF}", count: 63),
      ]
      _ = try await test.commit(
        ids.enumerated().map { index, id in
          var machine = TestMachine(id, key: Int64(index))
          return machine.start()
        })
      let expected = ids.filter { $0.utf8.starts(with: prefix.utf8) }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      #expect(try await test.list(prefix: prefix).get().map(\.machineID.id) == expected)
    }

    @Test("Each status filter shows its machines, with their status; working includes retrying")
    func filters() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machines = ["idle", "timer", "backs off", "failed"].enumerated().map {
        TestMachine($1, key: Int64($0))
      }
      machines[1].row.timer = TimerRow(
        serial: 1, firesAt: TestMachine.after(seconds: 9), historyRange: nil,
        processingTimeout: nil, context: CallerContext())
      machines[2].row.timer = TestMachine.timer
      machines[3].row.timer = TestMachine.timer
      machines[3].row.failure = failure
      _ = try await test.commit(machines.indices.map { machines[$0].start() })
      func list(_ status: StatusFilter) async throws -> [String] {
        try await test.list(status).get().map(\.machineID.id)
      }
      #expect(try await list(.any) == ["backs off", "failed", "idle", "timer"])
      #expect(try await list(.working) == ["backs off", "idle", "timer"])
      #expect(try await list(.retrying) == ["backs off"])
      #expect(try await list(.failed) == ["failed"])
      let all = try await test.list().get()
      #expect(all[1].status == .failed(failure))
      #expect(all[2].status == .working(nil) && all[2].timer == nil)
      #expect(all[3].timer == TestMachine.after(seconds: 9))
      #expect(
        all[0].status
          == .working(
            Retrying(
              stepKind: .timeout, attempt: 3, nextAttemptAt: TestMachine.after(seconds: 100),
              lastCode: 14, lastMessage: "connect refused")))
      #expect(all.allSatisfy { $0.history.isEmpty && $0.createdAt == TestMachine.start })
    }

    @Test("A page that memory should not hold is refused, with what to do")
    func tooLarge() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      for index in 0..<9 {
        var machine = TestMachine("m\(index)", key: Int64(index))
        machine.row.auxState = Content(data: [UInt8](repeating: 1, count: 8 << 20))
        try #require(try await test.commit([machine.start()]) == .committed)
      }
      guard case .failure(.unreadable(let message)) = try await test.list() else {
        Issue.record("such a page was read")
        return
      }
      #expect(message.contains("page_size"))
      #expect(try await test.list(pageSize: 2).get().count == 3)
    }

    @Test("Due machines come oldest first, from owned shards of the part only, page after page")
    func due() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      _ = try await test.storage.setEndpoint("localhost:1", ofNamespace: "orders")
      var positions: [DuePosition] = []
      var records: [CommitRecord] = []
      for index in 0..<20 {
        var machine = TestMachine("m\(index)", shard: Int32(index % 4) * 2, key: Int64(index))
        if index % 5 != 0 {
          let due = TestMachine.after(seconds: Int64(index * 7 % 6))
          machine.row.due = due
          positions.append(DuePosition(due: due, shard: machine.shard, key: machine.row.key))
        }
        records.append(machine.start())
      }
      _ = try await test.commit(records)
      // A shard that somebody else owns.
      try test.connect().runScript(
        """
        BEGIN;
        INSERT INTO node (id, expires_at, name, schema_version)
        VALUES (gen_random_uuid(), 'infinity', 'other', 8);
        UPDATE shard SET owner = (SELECT id FROM node WHERE name = 'other') WHERE shard = 2;
        COMMIT;
        """, timeout: .seconds(10))
      let until = TestMachine.after(seconds: 4)
      let expected = positions.filter { $0.shard.number != 2 && $0.due <= until }
        .sorted {
          ($0.due, $0.shard.number, $0.key.number) < ($1.due, $1.shard.number, $1.key.number)
        }
      for part in [.all] + (0..<3).map({ ShardPart(CoreNumber($0), of: 3) }) {
        var found: [DuePosition] = []
        var cut = DueCut.start
        while cut != .end(of: until) {
          let span = TestMachine.due(from: cut, until: until, limit: 3)
          let page = try await test.due(span, of: part)[0].get()
          #expect(page.machines.allSatisfy { $0.machine.namespace == "orders" })
          #expect(page.machines.allSatisfy { $0.machine.id == "m\($0.position.key.number)" })
          #expect(page.machines.count <= 3 && page.reached > cut)
          found += page.machines.map(\.position)
          cut = page.reached
        }
        #expect(found == expected.filter { part.contains($0.shard) })
      }
      let behind = try await test.due(
        TestMachine.due(from: .before(expected[4]), until: until, limit: 2),
        TestMachine.due(from: .after(expected[4]), until: expected[5].due, limit: 2))
      #expect(try behind[0].get().machines.first?.position == expected[4])
      #expect(try behind[1].get().machines.first?.position == expected[5])
    }

    @Test("Every time that a timer may have is found; what is no time is in nobody's way")
    func dueAtTheEnds() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      _ = try await test.storage.setEndpoint("localhost:1", ofNamespace: "orders")
      let times = [Timestamp.earliest, .earliest, TestMachine.start, .latest, .latest]
      var records: [CommitRecord] = []
      for (index, due) in times.enumerated() {
        var machine = TestMachine("m\(index)", shard: 0, key: Int64(index + 1))
        machine.row.due = due
        records.append(machine.start())
      }
      _ = try await test.commit(records)
      // Nobody sets these: somebody's hand did.
      try test.connect().runScript(
        """
        INSERT INTO machine (
          shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
          notification_count, notification_retrying, due_at)
        SELECT 0, 10 + n, 1, 'm' || 10 + n, 1, now(), 0, now(), 0, false,
          (ARRAY['-infinity', '0044-03-15 BC', 'infinity'])[n]::timestamptz
        FROM generate_series(1, 3) AS n;
        """, timeout: .seconds(10))
      var found: [DueMachine] = []
      var cut = DueCut.start
      while cut != .end(of: .latest) {
        let page = try await test.due(TestMachine.due(from: cut, until: .latest, limit: 2))[0].get()
        found += page.machines
        cut = page.reached
      }
      #expect(found.map(\.machine.id) == ["m12", "m0", "m1", "m2", "m3", "m4"])
      #expect(found.map(\.position.due).suffix(5) == times[...])
      let first = try await test.due(
        TestMachine.due(from: .before(found[1].position), until: .earliest, limit: 9))[0].get()
      #expect(first.machines.map(\.machine.id) == ["m0", "m1"])
      #expect(first.reached == .end(of: .earliest))
    }

    @Test("A look ahead does not wait for the pages that were asked for before it")
    func dueBesideLists() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let lists = 3_000
      for number in 0..<lists {
        test.storage.perform(
          .list(
            RequestID(UInt64(number)),
            .machines(
              TestMachine.namespace, namespace: "orders",
              ListQuery(status: .any, idPrefix: "", pageSize: 10, after: nil))))
      }
      let span = TestMachine.due(from: .start, until: TestMachine.start, limit: 10)
      #expect(try await test.due(span)[0].get().machines.isEmpty)
      let answered = test.inbox.rest.count { if case .listed = $0 { true } else { false } }
      #expect(answered < lists)
    }
  }
}
