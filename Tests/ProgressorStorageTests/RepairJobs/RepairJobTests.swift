import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Repair jobs")
  struct RepairJobTests {
    static let created = TestMachine.after(seconds: 1_000)

    static let full = RepairJobSpec(
      namespace: "orders", failedSince: TestMachine.after(seconds: 1),
      failedUntil: TestMachine.after(seconds: 50), idPrefix: "a", failureContains: "card's %",
      method: .processor(args: [0, 255]), rate: 7, reason: "why ü", requestedBy: "ann")

    private func spec(_ adjust: (inout RepairJobSpec) -> Void = { _ in }) -> RepairJobSpec {
      var spec = RepairJobSpec(
        namespace: "orders", failedSince: TestMachine.after(seconds: 0), reason: "r")
      adjust(&spec)
      return spec
    }

    /// A storage with the namespace and failed machines "a1" … , "b1" …, of different shards, that
    /// failed a second after each other.
    private func storage(failed ids: [String] = []) async throws -> TestStorage {
      let test = try await TestStorage.owner()
      for (index, id) in ids.enumerated() {
        _ = try await fail(id, key: Int64(index + 1), after: Int64(index + 1), on: test)
      }
      return test
    }

    @discardableResult
    private func fail(
      _ id: String, key: Int64, after seconds: Int64, reason: String = "boom",
      on test: TestStorage
    ) async throws -> TestMachine {
      var machine = TestMachine(id, shard: Int32(key % 8), key: key)
      machine.row.failure = Failure(
        reason: reason, failedAt: TestMachine.after(seconds: seconds), stepKind: .timeout, code: 13,
        attempts: 1)
      #expect(try await test.commit([machine.start()], slot: Int(key % 2)) == .committed)
      return machine
    }

    private func page(
      _ job: StoredRepairJob, on test: TestStorage, after: RepairPosition? = nil, limit: Int32 = 100
    ) async throws -> RepairPage {
      try #require(try await test.storage.repairPage(of: job, after: after, limit: limit))
    }

    private func ids(_ job: StoredRepairJob, on test: TestStorage) async throws -> [String] {
      try await page(job, on: test).machines.map(\.machine.id)
    }

    private func create(
      _ spec: RepairJobSpec, as id: String = "j", on test: TestStorage
    ) async throws -> StoredRepairJob {
      try await test.storage.createRepairJob(id, spec, now: Self.created)
    }

    @Test("A job is read back as it was asked for")
    func roundTrip() async throws {
      let test = try await storage()
      defer { test.storage.stop() }
      let job = try await create(Self.full, on: test)
      #expect(job.job == RepairJob(id: "j", spec: Self.full, createdAt: Self.created))
      #expect(try await test.storage.repairJob("j") == job)
      #expect(try await test.storage.runningRepairJobs() == [job])
    }

    @Test("A repeat finds its job; the id with another spec, or an unknown namespace, is refused")
    func repeats() async throws {
      let test = try await storage()
      defer { test.storage.stop() }
      let job = try await create(Self.full, on: test)
      let again = try await test.storage.createRepairJob(
        "j", Self.full, now: Self.created.advanced(byMicroseconds: 5))
      #expect(again == job)
      let other = await #expect(throws: ProgressorError.self) {
        try await create(spec(), on: test)
      }
      #expect(other?.reason == .repairJobAlreadyExists)
      let unknown = await #expect(throws: ProgressorError.self) {
        try await create(spec { $0.namespace = "none" }, as: "k", on: test)
      }
      #expect(unknown?.reason == .namespaceNotFound)
      let missing = await #expect(throws: ProgressorError.self) {
        try await test.storage.repairJob("k")
      }
      #expect(missing?.reason == .repairJobNotFound)
    }

    @Test("A job is about the machines that its spec selects, oldest failure first")
    func selection() async throws {
      let test = try await storage(failed: ["a1", "a2", "b1", "a3"])
      defer { test.storage.stop() }
      try await fail("late", key: 10, after: 1_001, on: test)
      try await fail("c%_", key: 11, after: 500, reason: "it's 100%_ ü", on: test)
      let cases: [([String], (inout RepairJobSpec) -> Void)] = [
        (["a1", "a2", "b1", "a3", "c%_"], { _ in }),
        (["b1", "a3", "c%_"], { $0.failedSince = TestMachine.after(seconds: 3) }),
        (["a1", "a2"], { $0.failedUntil = TestMachine.after(seconds: 2) }),
        (["a1", "a2", "a3"], { $0.idPrefix = "a" }),
        (["c%_"], { $0.failureContains = "100%_ ü" }),
        (["c%_"], { $0.idPrefix = "c%_" }),
        ([], { $0.failureContains = "BOOM" }),
        (["a1", "a2", "b1", "a3", "c%_"], { $0.failedUntil = .latest }),
      ]
      for (index, (expected, adjust)) in cases.enumerated() {
        let job = try await create(spec(adjust), as: "j\(index)", on: test)
        #expect(try await ids(job, on: test) == expected)
        #expect(job.job.matched == Int64(expected.count))
        #expect(job.job.remaining == Int64(expected.count))
      }
    }

    @Test("Pages follow each other without a gap, and only the last one says so")
    func pages() async throws {
      let names = (1...7).map { "m\($0)" }
      let test = try await storage(failed: names)
      defer { test.storage.stop() }
      let job = try await create(spec(), on: test)
      var found: [String] = []
      var position: RepairPosition?
      for _ in 0..<10 {
        let page = try await page(job, on: test, after: position, limit: 3)
        #expect(page.share == 1)
        found += page.machines.map(\.machine.id)
        position = page.machines.last?.position
        if page.isLast { break }
      }
      #expect(found == names)
      let remaining = try await test.storage.repairJobRemaining("j", after: nil, limit: 100)
      #expect(remaining.map(\.machine.machine) == names)
      #expect(remaining[0].machine.failureReason == "boom")
    }

    @Test("A failure excludes its machine from the job, once, and is listed")
    func failures() async throws {
      let test = try await storage(failed: ["a1", "a2", "a3"])
      defer { test.storage.stop() }
      let job = try await create(spec(), on: test)
      let position = try await page(job, on: test).machines[1].position
      var failure = RepairJobFailure(
        machine: "a2", code: 10, reason: "REPAIR_FAILED", message: "no\0", at: Self.created)
      for _ in 0..<2 {
        try await test.storage.recordRepairFailures([failure], shards: [position.shard], of: job)
      }
      #expect(try await ids(job, on: test) == ["a1", "a3"])
      let shown = try await test.storage.repairJob("j").job
      #expect((shown.matched, shown.remaining, shown.failed, shown.repaired) == (3, 2, 1, 0))
      failure.message = "no\u{FFFD}"
      #expect(try await test.storage.repairJobFailures("j", after: nil, limit: 9) == [failure])
      #expect(try await test.storage.repairJobFailures("j", after: "a2", limit: 9) == [])
      // Another job tries it again.
      let other = try await create(spec(), as: "k", on: test)
      #expect(try await ids(other, on: test) == ["a1", "a2", "a3"])
    }

    @Test("A job is completed when none of its machines is failed any more, and not before")
    func completion() async throws {
      let test = try await storage()
      defer { test.storage.stop() }
      var machine = try await fail("a1", key: 1, after: 1, on: test)
      try await fail("late", key: 2, after: 1_001, on: test)
      let job = try await create(spec(), on: test)
      let now = Self.created.advanced(byMicroseconds: 9)
      #expect(try await !test.storage.completeRepairJob(job, now: now))
      machine.row.failure = nil
      #expect(try await test.commit([machine.step()], slot: 1) == .committed)
      #expect(try await test.storage.completeRepairJob(job, now: now))
      #expect(try await !test.storage.completeRepairJob(job, now: now))
      let ended = try await test.storage.repairJob("j").job
      #expect(ended.state == .completed && ended.finishedAt == now)
      #expect((ended.matched, ended.remaining, ended.failed, ended.repaired) == (1, 0, 0, 1))
      #expect(try await test.storage.runningRepairJobs() == [])
    }

    @Test("Cancelling keeps what was left, takes no failures afterwards, and works once")
    func cancel() async throws {
      let test = try await storage(failed: ["a1", "a2"])
      defer { test.storage.stop() }
      let job = try await create(spec(), on: test)
      let now = Self.created.advanced(byMicroseconds: 9)
      let ended = try await test.storage.cancelRepairJob("j", now: now).job
      #expect(ended.state == .cancelled && ended.finishedAt == now && ended.remaining == 2)
      let failure = RepairJobFailure(
        machine: "a2", code: 10, reason: "R", message: "", at: Self.created)
      try await test.storage.recordRepairFailures([failure], shards: [ShardID(2)], of: job)
      #expect(try await test.storage.cancelRepairJob("j", now: .latest).job == ended)
      #expect(try await test.storage.repairJobFailures("j", after: nil, limit: 9) == [])
    }

    @Test("A dry run ends at once with what it counted")
    func dryRun() async throws {
      let test = try await storage(failed: ["a1", "a2"])
      defer { test.storage.stop() }
      let job = try await create(spec { $0.dryRun = true }, on: test).job
      #expect(job.state == .completed && job.finishedAt == Self.created)
      #expect((job.matched, job.remaining, job.failed, job.repaired) == (2, 2, 0, 0))
      #expect(try await test.storage.runningRepairJobs() == [])
      #expect(try await test.storage.repairJobRemaining("j", after: nil, limit: 9).count == 2)
    }

    @Test("Jobs are listed newest first, by page and by namespace")
    func list() async throws {
      let test = try await storage()
      defer { test.storage.stop() }
      _ = try await test.storage.createNamespace(
        Namespace(name: "other", processor: ProcessorOptions(endpoint: "h:1")))
      for id in ["j1", "j2", "j3"] { _ = try await create(spec(), as: id, on: test) }
      _ = try await create(spec { $0.namespace = "other" }, as: "k", on: test)
      let all = try await test.storage.repairJobs(ofNamespace: nil, before: .max, limit: 3)
      #expect(all.map(\.job.id) == ["k", "j3", "j2"])
      let rest = try await test.storage.repairJobs(
        ofNamespace: nil, before: all[2].number, limit: 3)
      #expect(rest.map(\.job.id) == ["j1"])
      let others = try await test.storage.repairJobs(
        ofNamespace: "other", before: .max, limit: 3)
      #expect(others.map(\.job.id) == ["k"])
    }

    @Test("Twenty jobs of a namespace run at once, a hundred of all, more are refused")
    func limit() async throws {
      let test = try await storage(failed: ["a1"])
      defer { test.storage.stop() }
      for name in ["n2", "n3", "n4", "n5", "n6"] {
        _ = try await test.storage.createNamespace(
          Namespace(name: name, processor: ProcessorOptions(endpoint: "127.0.0.1:1")))
      }
      func isRefused(_ namespace: String) async -> Bool {
        let spec = spec { $0.namespace = namespace }
        let refused = await #expect(throws: ProgressorError.self) {
          try await create(spec, as: "one-more", on: test)
        }
        return refused?.reason == .overloaded
      }
      for (place, name) in [spec().namespace, "n2", "n3", "n4", "n5"].enumerated() {
        for number in 0..<Storage.maximumRunningRepairJobsOfNamespace {
          let spec = spec { $0.namespace = name }
          _ = try await create(spec, as: "j\(place)-\(number)", on: test)
        }
        if place < 4 { #expect(await isRefused(name)) }
      }
      #expect(await isRefused("n6"))
      _ = try await test.storage.cancelRepairJob("j0-7", now: Self.created)
      #expect(await isRefused("n2"))
      _ = try await create(spec { $0.namespace = "n6" }, as: "one-more", on: test)
    }

    @Test("A page is full of what is shown, whatever lies between")
    func shown() async throws {
      let test = try await storage(failed: ["a1"])
      defer { test.storage.stop() }
      _ = try await test.storage.createNamespace(
        Namespace(name: "other", processor: ProcessorOptions(endpoint: "127.0.0.1:1")))
      for number in 0..<6 {
        let dry = spec {
          $0.namespace = number.isMultiple(of: 3) ? "other" : $0.namespace
          $0.dryRun = true
        }
        _ = try await create(dry, as: "j\(number)", on: test)
      }
      func page(before number: Int64) async throws -> [StoredRepairJob] {
        try await test.storage.repairJobs(
          ofNamespace: nil, before: number, limit: 3, where: { $0 != "other" })
      }
      let first = try await page(before: .max)
      #expect(first.map(\.job.id) == ["j5", "j4", "j2"])
      #expect(try await page(before: first[2].number).map(\.job.id) == ["j1"])
    }

    @Test("Jobs are forgotten 30 days after their end, or when a thousand ended later")
    func sweep() async throws {
      let test = try await storage(failed: ["a1"])
      defer { test.storage.stop() }
      let old = try await create(spec(), as: "old", on: test)
      let failure = RepairJobFailure(
        machine: "a1", code: 10, reason: "R", message: "", at: Self.created)
      try await test.storage.recordRepairFailures([failure], shards: [ShardID(1)], of: old)
      _ = try await test.storage.cancelRepairJob("old", now: Self.created)
      _ = try await create(spec(), as: "running", on: test)
      let end = Self.created.advanced(byMicroseconds: Storage.repairJobRetention)
      #expect(try await !test.storage.sweepRepairJobs(now: end))
      #expect(
        try await test.storage.sweepRepairJobs(now: end.advanced(byMicroseconds: 1)))
      let connection = try test.connect()
      #expect(try connection.scalar("SELECT count(*) FROM repair_job_failure", as: Int64.self) == 0)
      #expect(try await !test.storage.sweepRepairJobs(now: .latest))
      try connection.runScript(
        """
        INSERT INTO repair_job (
          id, namespace, failed_since, id_prefix, failure_contains, rate, dry_run, reason,
          requested_by, created_at, matched, state, finished_at, remaining, failed)
        SELECT 'x' || n, 1, now(), '', '', 0, false, 'r', '', now(), 0, 2,
          now() + make_interval(secs => n), 0, 0
        FROM generate_series(1, 1001) AS n
        """, timeout: .seconds(30))
      #expect(try await test.storage.sweepRepairJobs(now: Self.created))
      #expect(try await !test.storage.sweepRepairJobs(now: Self.created))
      let gone = await #expect(throws: ProgressorError.self) {
        try await test.storage.repairJob("x1")
      }
      #expect(gone?.reason == .repairJobNotFound)
      #expect(try await test.storage.runningRepairJobs().map(\.job.id) == ["running"])
    }
  }
}
