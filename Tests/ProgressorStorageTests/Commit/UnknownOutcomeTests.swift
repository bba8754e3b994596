import EmbeddedPostgreSQL
import Glibc
import MachineModel
import PostgreSQL
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Unknown outcome")
  struct UnknownOutcomeTests {
    /// Steps of one machine, one batch after the other. A wrong guess shows at once: a batch that
    /// is taken for lost and sent again is refused, one that is taken for committed and was not
    /// leaves a gap that refuses the next.
    private func run(
      _ steps: ClosedRange<Int>, of machine: inout TestMachine, on test: TestStorage
    ) async throws {
      for step in steps {
        var record = machine.step(["\(step)", String(repeating: "x", count: step % 10 * 400)])
        if step % 3 == 0 { record.idempotency = CommitTests.key("k\(step)") }
        var outcome: TestStorage.Outcome
        repeat {
          outcome = try await test.outcome(of: test.submit([record]), within: .seconds(120))
          // The session was lost too often: certainly not written, and tried again by itself.
        } while outcome == .refused("none")
        try #require(outcome == .committed, "step \(step)")
      }
    }

    private func expectHistory(
      of machine: TestMachine, steps: Int, on test: TestStorage
    ) async throws {
      let loaded = try await test.load(machine, history: .all).get()
      #expect(loaded.row == machine.row)
      #expect(loaded.history.map(\.id) == Array(1...Int64(2 * steps)))
      let texts = bodies(loaded.history)
      #expect((1...steps).allSatisfy { texts[2 * $0 - 2] == "\($0)" })
    }

    @Test("Backends that are ended at any moment of a batch make no outcome wrong")
    func endedBackends() async throws {
      // So long that no batch is held for stuck, however often its session is ended.
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(120) }
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let killer = Killer(test)
      var steps = 0
      while killer.kills < 25 {
        try await run(steps + 1...steps + 10, of: &machine, on: test)
        steps += 10
      }
      killer.stop()
      try await expectHistory(of: machine, steps: steps, on: test)
    }

    @Test("PostgreSQL that is killed and started again makes no outcome wrong, and loses no step")
    func killedServer() async throws {
      let cluster = try await TemporaryServer(prefix: "progressor-kill")
      // So long that no batch is held for stuck, however long the server takes to come back.
      let test = try TestStorage(database: try await cluster.createDatabase()) {
        $0.leaseDuration = .seconds(120)
      }
      try await test.grants()
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      var steps = 0
      for _ in 1...3 {
        // A backend of the server before may go on while the next one does not listen yet.
        try await eventually("a server that listens") { (try? test.connect()) != nil }
        let process = try #require(cluster.cluster.processID)
        let threshold = 2 * steps + 20
        let killer = Task.detached {
          // In the middle of the batches that follow.
          let connection = try test.connect()
          try connection.waitUntil("(SELECT max(last_event_id) > \(threshold) FROM machine)")
          kill(process, SIGKILL)
        }
        try await run(steps + 1...steps + 30, of: &machine, on: test)
        steps += 30
        try await killer.value
        // The backends may have outlived their postmaster, and finished the steps.
        try await eventually("another postmaster") {
          cluster.cluster.processID.map { $0 != process } ?? false
        }
      }
      try await expectHistory(of: machine, steps: steps, on: test)
      test.storage.stop()
      await cluster.stop()
    }

    @Test(
      "A batch of which nothing is known is found by its witness, whatever it writes",
      arguments: [true, false])
    func witnesses(_ isCommitted: Bool) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for (index, kind) in Kind.allCases.enumerated() {
        var machine = TestMachine("\(kind)", key: Int64(index + 1))
        for record in kind.before(&machine) {
          try #require(try await test.commit([record]) == .committed)
        }
        let batch = CommitBatch(id: BatchID(1), slot: 0, records: [kind.record(&machine)])
        if isCommitted { try #require(try await test.commit(batch.records) == .committed) }
        let witness = try #require(Witness(of: batch))
        #expect(
          try witness.testifies(on: connection, timeout: .seconds(10)) == isCommitted, "\(kind)")
      }
      #expect(Witness(of: CommitBatch(id: BatchID(1), slot: 0, records: [])) == nil)
    }

    /// What a record can consist of.
    enum Kind: CaseIterable {
      case insert, update, requeue, key, delete, deletedWithKey, reschedule, deliver, enqueue,
        traced

      func before(_ machine: inout TestMachine) -> [CommitRecord] {
        let accepted = [TestMachine.notification(1)]
        switch self {
        case .insert: return []
        case .reschedule, .deliver:
          return [machine.start(), machine.record(.requeue(due: nil), enqueued: accepted)]
        default: return [machine.start()]
        }
      }

      func record(_ machine: inout TestMachine) -> CommitRecord {
        switch self {
        case .insert: return machine.start(events: ["a"])
        case .update: return machine.step(["a"])
        case .requeue:
          return machine.record(.requeue(due: nil), enqueued: [TestMachine.notification(1)])
        case .key: return machine.record(idempotency: CommitTests.key("\(self)"))
        case .delete: return machine.record(.delete(expectedVersion: 1))
        case .deletedWithKey:
          return machine.record(
            .delete(expectedVersion: 1), idempotency: CommitTests.key("\(self)"))
        case .reschedule:
          return machine.record(rescheduled: TestMachine.notification(1, retry: TestMachine.retry))
        case .deliver: return machine.record(dequeued: 1)
        case .enqueue: return machine.record(enqueued: [TestMachine.notification(1)])
        case .traced: return machine.record(traced: TestMachine.traced(1))
        }
      }
    }

    @Test("A session that is frozen in mid-batch is ended, and its batch is written exactly once")
    func stoppedBackend() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(4) }
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let connection = try test.connect()
      // Stop the backend itself: it holds the fence's lock and answers nobody, also not the signal
      // that ends it, until it goes on.
      let backend: Int32 = try connection.scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%/writer/0/'"
          + " AND datname = current_database()")
      kill(backend, SIGSTOP)
      let id = test.submit([machine.step(["a"])])
      #expect(try await test.lost().count == 8)
      kill(backend, SIGCONT)
      // The lease was given up, as the commit path was stuck: both ends are right, none in between.
      let outcome = try await test.outcome(of: id)
      let loaded = try await test.load(machine, history: .all).get()
      switch outcome {
      case .committed: #expect(loaded.row == machine.row)
      case .fenced: #expect(loaded.history.count <= 1)
      case .refused(let state): Issue.record("refused by \(state)")
      }
    }
  }
}

/// Ends the backends of a storage's writers again and again, at moments that chance picks.
final class Killer: Sendable {
  private let isStopped = Atomic(false)
  private let ended = Atomic(0)

  init(_ test: TestStorage) {
    Task.detached { try self.run(test) }
  }

  private func run(_ test: TestStorage) throws {
    let connection = try test.connect()
    while !isStopped.load(ordering: .relaxed) {
      let ended: Int64 = try connection.scalar(
        """
        SELECT count(pg_terminate_backend(pid))
        FROM pg_sleep(0.1 * random()), pg_stat_activity
        WHERE application_name LIKE '%/writer/%' AND datname = current_database()
        """)
      self.ended.wrappingAdd(Int(ended), ordering: .relaxed)
    }
  }

  /// How many backends were ended.
  var kills: Int { ended.load(ordering: .relaxed) }

  func stop() { isStopped.store(true, ordering: .relaxed) }
}
