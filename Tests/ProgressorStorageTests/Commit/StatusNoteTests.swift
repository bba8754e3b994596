import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Who asked, and since when")
  struct StatusNoteTests {
    private func failure(
      after seconds: Int64, step: String = "c-0-7", principal: String? = "alice é"
    ) -> Failure {
      Failure(
        reason: "r", failedAt: TestMachine.after(seconds: seconds), stepKind: .call, code: 13,
        attempts: 1, step: step, principal: principal)
    }

    /// What every reader finds of the machine.
    private func agree(_ test: TestStorage, _ machine: TestMachine) async throws {
      #expect(try await test.load(machine).get().row == machine.row)
      let listed = try #require(try await test.list().get().first)
      #expect(listed.status == machine.row.failure.map { .failed($0) } ?? .working(nil))
      #expect(listed.since == machine.row.since && listed.pause == machine.row.pause)
    }

    @Test("A failure, a repair and another failure are read back as they were written")
    func statuses() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      try await agree(test, machine)
      for (seconds, failure) in [
        (1, failure(after: 1)), (3, failure(after: 3, step: "", principal: nil)),
        (5, failure(after: 5, step: "t-0-1-2", principal: "bob")),
      ] {
        machine.row.failure = failure
        var failed = machine.step()
        failed.hasNotes = true
        #expect(try await test.commit([failed]) == .committed)
        try await agree(test, machine)
        machine.row.failure = nil
        machine.row.repairedAt = TestMachine.after(seconds: Int64(seconds) + 1)
        var repaired = machine.step(["e"])
        repaired.hasNotes = true
        #expect(try await test.commit([repaired]) == .committed)
        try await agree(test, machine)
        #expect(try await test.commit([machine.step(["e"])]) == .committed)
        try await agree(test, machine)
      }
    }

    @Test("A machine that is condemned, or paused, tells of who asked")
    func condemnedAndPaused() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      machine.row.version += 1
      machine.row.pause = Pause(pausedAt: TestMachine.start, reason: "r", principal: "carol")
      #expect(try await test.commit([machine.record(.pause(machine.row))]) == .committed)
      try await agree(test, machine)
      machine.row.version += 1
      machine.row.pause = nil
      #expect(try await test.commit([machine.record(.pause(machine.row))]) == .committed)
      try await agree(test, machine)
      let failure = failure(after: 2)
      machine.row.version += 1
      machine.row.failure = failure
      let condemned = machine.record(.condemn(failure, version: machine.row.version))
      #expect(try await test.commit([condemned]) == .committed)
      try await agree(test, machine)
    }

    @Test("What a node of the version before changes is told without what was of another time")
    func olderNode() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      machine.row.failure = failure(after: 1)
      machine.row.repairedAt = TestMachine.after(seconds: 0)
      var failed = machine.step()
      failed.hasNotes = true
      _ = try await test.commit([failed])
      machine.row.version += 1
      machine.row.pause = Pause(pausedAt: TestMachine.start, reason: "r", principal: "carol")
      _ = try await test.commit([machine.record(.pause(machine.row))])

      // Repaired, failed, resumed and paused by one that knows of none of it.
      try test.connect().runScript(
        """
        UPDATE machine SET failed_at = failed_at + interval '5 s', failure_reason = 'other',
          paused_at = paused_at + interval '5 s';
        """, timeout: .seconds(10))
      machine.row.failure?.failedAt = TestMachine.after(seconds: 6)
      machine.row.failure?.reason = "other"
      machine.row.failure?.step = ""
      machine.row.failure?.principal = nil
      machine.row.pause = Pause(pausedAt: TestMachine.after(seconds: 5), reason: "r")
      try await agree(test, machine)
      try test.connect().runScript(
        "UPDATE machine SET failed_at = NULL, paused_at = NULL, pause_reason = NULL",
        timeout: .seconds(10))
      machine.row.failure = nil
      machine.row.pause = nil
      try await agree(test, machine)
      #expect(machine.row.since == TestMachine.after(seconds: 0))
    }

    @Test("Timers and notifications keep who asked")
    func contexts() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      machine.row.timer = TestMachine.timer
      machine.row.timer?.context.principal = "alice\u{301}"
      machine.row.due = TestMachine.timer.due
      _ = try await test.commit([machine.start()])
      var notification = TestMachine.notification(1)
      notification.context.principal = "bob"
      _ = try await test.commit([
        machine.record(.requeue(due: TestMachine.start), enqueued: [notification])
      ])
      let loaded = try await test.load(machine, notificationsAfter: 0).get()
      #expect(loaded.row?.timer == machine.row.timer)
      #expect(loaded.notifications == [notification])
    }

    @Test("A namespace's pause tells of who paused it, until somebody else does")
    func namespaces() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let paused = try await test.storage.setPause("r", ofNamespace: "orders", by: "alice")
      #expect(paused.namespace.pause?.principal == "alice")
      let again = try await test.storage.setPause("s", ofNamespace: "orders", by: "bob")
      #expect(again.namespace.pause == paused.namespace.pause)
      let resumed = try await test.storage.setPause(nil, ofNamespace: "orders", by: "bob")
      #expect(resumed.namespace.pause == nil)
      let anew = try await test.storage.setPause("t", ofNamespace: "orders")
      #expect(anew.namespace.pause?.reason == "t" && anew.namespace.pause?.principal == nil)
      _ = try await test.storage.setPause(nil, ofNamespace: "orders")
      _ = try await test.storage.setPause("r", ofNamespace: "orders", by: "alice")
      // Resumed and paused by a node of the version before.
      try test.connect().runScript(
        "UPDATE namespace SET paused_at = paused_at + interval '1 s'", timeout: .seconds(10))
      let other = try await test.storage.namespace(named: "orders")
      #expect(other.namespace.pause != nil && other.namespace.pause?.principal == nil)
    }

    @Test("A repair job keeps who asked apart from what was said of it")
    func repairJobs() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let spec = RepairJobSpec(
        namespace: "orders", failedSince: TestMachine.start, reason: "r", requestedBy: "admin")
      let anonymous = try await test.storage.createRepairJob("a", spec, now: TestMachine.start)
      #expect(anonymous.principal == nil && anonymous.job.spec.requestedBy == "admin")
      let known = try await test.storage.createRepairJob(
        "b", spec, by: "bob", now: TestMachine.start)
      #expect(known.principal == "bob")
      #expect(try await test.storage.runningRepairJobs().map(\.principal) == ["bob", nil])
    }
  }
}
