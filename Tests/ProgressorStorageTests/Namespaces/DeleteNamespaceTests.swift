import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Deleting namespaces")
  struct DeleteNamespaceTests {
    static let now = TestMachine.after(seconds: 2_000)

    private func delete(_ name: String = "orders", on test: TestStorage) async throws {
      try await test.storage.deleteNamespace(named: name, now: Self.now)
    }

    private func refusal(
      of name: String = "orders", on test: TestStorage
    ) async throws -> ProgressorError {
      try #require(
        await #expect(throws: ProgressorError.self) { try await delete(name, on: test) })
    }

    @Test("One without machines is gone, and its name is another one's at once")
    func delete() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let other = try await test.storage.setEndpoint("h:2", ofNamespace: "other")
      let old = try await test.storage.setPause("r", ofNamespace: "orders")
      try await delete(on: test)
      #expect(try await test.storage.listNamespaces() == [other])
      let told = test.inbox.rest.compactMap { input -> [NamespaceRecord]? in
        if case .namespacesChanged(let records) = input { records } else { nil }
      }
      #expect(told.last == [other])
      #expect(try await refusal(on: test).reason == .namespaceNotFound)
      let new = try await test.storage.createNamespace(
        Namespace(name: "orders", processor: ProcessorOptions(endpoint: "h:3")))
      #expect(new.number != old.number)
      #expect(new.namespace.version == 1 && new.namespace.pause == nil)
      // A node that knows only the old one writes nothing into the new one, nor into nothing.
      var machine = TestMachine("m")
      let refusal = try await test.refusal(of: test.submit([machine.start()]))
      #expect(refusal.fault == .namespaceGone)
      machine.namespace = new.number
      machine.row.namespace = new.number
      #expect(try await test.commit([machine.record(.insert(machine.row))]) == .committed)
    }

    @Test("One with machines, whatever their state, stays as it was, and says how many it has")
    func notEmpty() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let before = try await test.storage.namespace(named: "orders")
      var machine = TestMachine("m")
      machine.row.failure = Failure(
        reason: "r", failedAt: TestMachine.start, stepKind: .timeout, code: 13, attempts: 1)
      #expect(try await test.commit([machine.start()]) == .committed)
      let error = try await refusal(on: test)
      #expect(error.code == .failedPrecondition && error.reason == .namespaceNotEmpty)
      #expect(error.metadata == ["machines": "1"])
      #expect(error.message.hasSuffix("has 1 machine"))
      #expect(try await test.storage.namespace(named: "orders") == before)
      #expect(try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
      try await delete(on: test)
    }

    @Test("Beyond a thousand machines they are not counted")
    func capped() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for (last, counted) in [(1_000, "1000"), (1_001, "1000+"), (3_000, "1000+")] {
        try connection.runScript(
          """
          INSERT INTO machine (
            shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
            notification_count, notification_retrying)
          SELECT n % 8, n, 1, 'm' || n, 1, now(), 0, now(), 0, false
          FROM generate_series(1, \(last)) AS n ON CONFLICT DO NOTHING
          """, timeout: .seconds(30))
        #expect(try await refusal(on: test).metadata == ["machines": counted])
      }
    }

    @Test("A batch that starts a machine there is waited for, and its machine seen")
    func sees() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let (batch, watcher) = (try test.connect(), try test.connect())
      try batch.runScript("BEGIN; SELECT hold_namespaces('{1}')", timeout: .seconds(10))
      async let deletion = refusal(on: test)
      try watcher.waitUntil(Self.isWaited)
      // It does not keep others from starting more.
      var machine = TestMachine("other")
      #expect(try await test.commit([machine.start()]) == .committed)
      try batch.runScript("COMMIT", timeout: .seconds(10))
      #expect(try await deletion.reason == .namespaceNotEmpty)
    }

    @Test("While a batch that starts a machine there does not end, it stays")
    func busy() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let batch = try test.connect()
      try batch.runScript("BEGIN; SELECT hold_namespaces('{1}')", timeout: .seconds(10))
      let error = try await refusal(on: test)
      #expect(error.code == .unavailable && error.reason == .storageUnavailable)
      #expect(error.message.contains("being started"))
      #expect(try await test.storage.listNamespaces().count == 1)
      try batch.runScript("ROLLBACK", timeout: .seconds(10))
      try await delete(on: test)
    }

    @Test("A start that comes while it is being deleted is refused at once, and others are not")
    func refusesStarts() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let other = try await test.storage.setEndpoint("h:2", ofNamespace: "other")
      let deletion = try test.connect()
      try deletion.runScript(
        "BEGIN; SELECT FROM namespace WHERE number = 1 FOR UPDATE", timeout: .seconds(10))
      var machine = TestMachine("m")
      var elsewhere = TestMachine("m", key: 2)
      elsewhere.namespace = other.number
      elsewhere.row.namespace = other.number
      elsewhere.machine = MachineID(namespace: "other", id: "m")
      let refusal = try await test.refusal(of: test.submit([machine.start(), elsewhere.start()]))
      #expect(refusal.fault == .namespaceGone && refusal.code == "PGF04")
      #expect(try await test.commit([elsewhere.record(.insert(elsewhere.row))]) == .committed)
      // It was let be after all.
      try deletion.runScript("ROLLBACK", timeout: .seconds(10))
      #expect(try await test.commit([machine.record(.insert(machine.row))]) == .committed)
    }

    @Test("Whoever changes a namespace is in no start's way")
    func changes() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let operation = try test.connect()
      var machines = (0..<6).map { TestMachine("m\($0)", key: Int64($0 + 1)) }
      for (index, change) in [
        "UPDATE namespace SET paused_at = now(), pause_reason = 'r', version = version + 1",
        "INSERT INTO namespace (name, endpoint) VALUES ('orders', 'h:9') ON CONFLICT (name)"
          + " DO UPDATE SET endpoint = excluded.endpoint, version = namespace.version + 1",
        "SELECT FROM namespace FOR NO KEY UPDATE",
      ].enumerated() {
        try operation.runScript("BEGIN; \(change)", timeout: .seconds(10))
        #expect(try await test.commit([machines[2 * index].start()]) == .committed, "\(change)")
        try operation.runScript("COMMIT", timeout: .seconds(10))
        #expect(try await test.commit([machines[2 * index + 1].start()]) == .committed, "\(change)")
      }
    }

    @Test("Starts of a namespace that is changed all the time are all written")
    func changesMeanwhile() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let changes = Task {
        var changed = 0
        while !Task.isCancelled {
          _ = try await test.storage.setPause(
            changed.isMultiple(of: 2) ? "r" : nil, ofNamespace: "orders")
          changed += 1
        }
        return changed
      }
      for number in 0..<300 {
        var machine = TestMachine("m\(number)", key: Int64(number + 1))
        #expect(try await test.commit([machine.start()]) == .committed)
      }
      changes.cancel()
      #expect(try await changes.value > 0)
    }

    @Test(
      "Deletions, creations and changes at once: each comes to one of the ends that it may have")
    func everything() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let other = try TestStorage(database: test.database, namespace: false)
      defer { other.storage.stop() }
      let namespace = Namespace(name: "orders", processor: ProcessorOptions(endpoint: "h:1"))
      var reasons: Set<Reason> = []
      for round in 0..<40 {
        let (one, two) = round.isMultiple(of: 2) ? (test, other) : (other, test)
        let errors = await withTaskGroup(of: ProgressorError?.self) { group in
          group.addTask {
            await Self.failure { () async throws(ProgressorError) in
              try await one.storage.deleteNamespace(named: "orders", now: Self.now)
            }
          }
          group.addTask {
            await Self.failure { () async throws(ProgressorError) in
              _ = try await two.storage.setPause("r", ofNamespace: "orders")
            }
          }
          group.addTask {
            await Self.failure { () async throws(ProgressorError) in
              _ = try await two.storage.createNamespace(namespace)
            }
          }
          return await group.reduce(into: []) { $0.append($1) }
        }
        reasons.formUnion(errors.compactMap { $0?.reason })
        let left = try await test.storage.listNamespaces()
        #expect(left.count <= 1)
        if left.isEmpty { _ = try await test.storage.createNamespace(namespace) }
      }
      #expect(reasons.isSubset(of: [.namespaceNotFound, .namespaceAlreadyExists]))
    }

    @Test("Of several at once one deletes it, and the others find it gone")
    func twice() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let other = try TestStorage(database: test.database, namespace: false)
      defer { other.storage.stop() }
      var deleted = 0
      for _ in 0..<20 {
        let results = await withTaskGroup(of: ProgressorError?.self) { group in
          for node in [test, other, test, other] {
            group.addTask {
              await Self.failure { () async throws(ProgressorError) in
                try await node.storage.deleteNamespace(named: "orders", now: Self.now)
              }
            }
          }
          return await group.reduce(into: []) { $0.append($1) }
        }
        deleted += results.count { $0 == nil }
        #expect(results.compactMap(\.self).allSatisfy { $0.reason == .namespaceNotFound })
        _ = try await test.storage.setEndpoint("h:1", ofNamespace: "orders")
      }
      #expect(deleted == 20)
    }

    @Test("Starts and deletions at once: a machine that was started has its namespace")
    func race() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let other = try TestStorage(database: test.database, namespace: false)
      defer { other.storage.stop() }
      var (number, key) = (Int32(1), Int64(0))
      var (started, deleted) = (0, 0)
      for round in 0..<60 {
        key += 1
        var machine = TestMachine("m\(round)", key: key)
        machine.namespace = NamespaceNumber(number)
        machine.row.namespace = machine.namespace
        let record = machine.start()
        async let commit = test.commit([record])
        async let deletion = Self.failure { () async throws(ProgressorError) in
          try await other.storage.deleteNamespace(named: "orders", now: Self.now)
        }
        let (outcome, error) = (try await commit, await deletion)
        if outcome == .committed {
          started += 1
          #expect(error?.reason == .namespaceNotEmpty)
          #expect(
            try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
        } else {
          #expect(outcome == .refused("PGF04"))
          if error == nil { deleted += 1 }
        }
        if error == nil {
          number = try await test.storage.setEndpoint("h:1", ofNamespace: "orders").number.number
        }
      }
      #expect(started + deleted == 60)
    }

    @Test("A node of an older version would start machines without a look: it is waited for")
    func olderNodes() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        """
        INSERT INTO node (id, expires_at, name, schema_version)
        VALUES (gen_random_uuid(), now() + interval '1 hour', 'old', 8)
        """, timeout: .seconds(10))
      let error = try await refusal(on: test)
      #expect(error.code == .unavailable && error.message.contains("older version"))
      try connection.runScript("DELETE FROM node WHERE name = 'old'", timeout: .seconds(10))
      try await delete(on: test)
    }

    @Test("Its repair jobs are cancelled and kept with its name, and are nothing to the next one")
    func repairJobs() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let spec = RepairJobSpec(
        namespace: "orders", failedSince: TestMachine.start, reason: "r")
      var dry = spec
      dry.dryRun = true
      let created = TestMachine.after(seconds: 1_000)
      let running = try await test.storage.createRepairJob("running", spec, now: created)
      let ended = try await test.storage.createRepairJob("ended", dry, now: created)
      try await test.storage.recordRepairFailures(
        [RepairJobFailure(machine: "m", code: 1, reason: "r", message: "m", at: created)],
        shards: [ShardID(0)], of: running)
      try await delete(on: test)
      let cancelled = try await test.storage.repairJob("running")
      #expect(cancelled.job.spec == spec && cancelled.isOrphaned)
      #expect(cancelled.job.state == .cancelled && cancelled.job.finishedAt == Self.now)
      #expect(cancelled.job.remaining == 0 && cancelled.job.failed == 1)
      #expect(try await test.storage.repairJob("ended").job == ended.job)
      #expect(try await test.storage.runningRepairJobs() == [])
      _ = try await test.storage.setEndpoint("h:1", ofNamespace: "orders")
      let all = try await test.storage.repairJobs(ofNamespace: nil, before: .max, limit: 9)
      #expect(all.map(\.job.id) == ["ended", "running"])
      #expect(
        try await test.storage.repairJobs(ofNamespace: "orders", before: .max, limit: 9) == [])
      let error = await #expect(throws: ProgressorError.self) {
        try await test.storage.createRepairJob("running", spec, now: created)
      }
      #expect(error?.reason == .repairJobAlreadyExists)
      let failures = try await test.storage.repairJobFailures("running", after: nil, limit: 9)
      #expect(failures.count == 1)
    }

    @Test("What a key remembers is nothing to the next namespace of the name")
    func keys() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      let key = IdempotencyRow(
        key: "k", fingerprint: [1], reply: .started,
        expiresAt: Timestamp(microseconds: 4_000_000_000_000_000))
      _ = try await test.commit([machine.record(.insert(machine.row), idempotency: key)])
      #expect(try await test.load(machine, key: "k").get().idempotency != nil)
      #expect(try await test.commit([machine.record(.delete(expectedVersion: 1))]) == .committed)
      try await delete(on: test)
      machine.namespace = try await test.storage.setEndpoint("h:1", ofNamespace: "orders").number
      #expect(try await test.load(machine, key: "k").get().idempotency == nil)
    }

    private static func failure(
      of body: () async throws(ProgressorError) -> Void
    ) async -> ProgressorError? {
      do throws(ProgressorError) {
        try await body()
        return nil
      } catch { return error }
    }

    private static let isWaited = """
      EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
          AND query LIKE '%FROM namespace WHERE number = $1 FOR UPDATE%')
      """
  }
}
