import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Locks that other sessions hold")
  struct RowLocksTests {
    /// Holds what `statement` locks until the connection is closed.
    private func hold(_ statement: String, in test: TestStorage) throws -> Connection {
      let connection = try test.connect()
      var pipeline = Pipeline()
      pipeline.append(sql: "BEGIN")
      pipeline.append(sql: statement)
      _ = try connection.run(pipeline, timeout: .seconds(10))
      return connection
    }

    private func names(_ machines: [TestMachine]) -> Set<MachineID> {
      Set(machines.map(\.machine))
    }

    @Test(
      "A batch names the machines whose rows are locked, and no others",
      arguments: [
        "SELECT 1 FROM machine WHERE id LIKE 'held%' FOR UPDATE",
        "SELECT 1 FROM machine WHERE id LIKE 'held%' FOR NO KEY UPDATE",
        "SELECT 1 FROM machine WHERE id LIKE 'held%' FOR SHARE",
        "UPDATE machine SET version = version WHERE id LIKE 'held%'",
        "DELETE FROM machine WHERE id LIKE 'held%'",
      ], [false, true])
    func named(statement: String, expectsLocks: Bool) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machines = (1...6).map { TestMachine($0 > 3 ? "held\($0)" : "free\($0)", key: Int64($0)) }
      _ = try await test.commit(machines.indices.map { machines[$0].start() })
      let connection = try hold(statement, in: test)
      let steps = machines.indices.map { machines[$0].step(["a"]) }
      var fresh = TestMachine("held7", key: 7)
      let refused = test.submit([fresh.start()] + steps, expectsLocks: expectsLocks)
      #expect(try await test.refusal(of: refused).fault == .locked(names(Array(machines[3...]))))
      let others = test.submit(Array(steps[..<3]), expectsLocks: expectsLocks)
      #expect(try await test.outcome(of: others) == .committed)
      let again = test.submit([steps[4]], expectsLocks: expectsLocks)
      #expect(try await test.refusal(of: again).fault == .locked(names([machines[4]])))
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
      let rest = test.submit(Array(steps[3...]), expectsLocks: expectsLocks)
      #expect(try await test.outcome(of: rest) == .committed)
    }

    @Test(
      "What leaves the row of its machine as it is waits for no lock of it",
      arguments: [false, true])
    func bystander(expectsLocks: Bool) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m", key: 1)
      _ = try await test.commit([machine.start()])
      let connection = try hold("SELECT 1 FROM machine FOR UPDATE", in: test)
      let refusal = machine.record(traced: TestMachine.traced(7))
      let id = test.submit([refusal], expectsLocks: expectsLocks)
      #expect(try await test.outcome(of: id) == .committed)
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
      #expect(try connection.scalar("SELECT sequence FROM trace") == Int64(7))
    }

    @Test(
      "Of other rows nobody is named, nor over a lock that is in no update's way",
      arguments: [
        ("SELECT 1 FROM notification FOR UPDATE", CommitRefusal.Fault.overdue),
        ("SELECT 1 FROM machine FOR KEY SHARE", nil),
      ])
    func unnamed(statement: String, fault: CommitRefusal.Fault?) async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m", key: 1)
      _ = try await test.commit([machine.start()])
      let notification = TestMachine.notification(1)
      _ = try await test.commit([
        machine.record(.requeue(due: nil), enqueued: [notification])
      ])
      let connection = try hold(statement, in: test)
      var step = machine.step(["a"])
      step.dequeued = 1
      let id = test.submit([step], expectsLocks: true)
      if let fault {
        #expect(try await test.refusal(of: id).fault == fault)
        _ = try connection.query("ROLLBACK", timeout: .seconds(10))
        #expect(try await test.commit([step]) == .committed)
      } else {
        #expect(try await test.outcome(of: id) == .committed)
      }
    }

    @Test("Who is locked out of the lease hears that, and not whose rows are locked")
    func fenced() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m", key: 1)
      _ = try await test.commit([machine.start()])
      let connection = try hold("SELECT 1 FROM machine FOR UPDATE", in: test)
      try test.connect().runScript("DELETE FROM writer", timeout: .seconds(10))
      let id = test.submit([machine.step(["a"])], expectsLocks: true)
      #expect(try await test.outcome(of: id) == .fenced)
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
    }

    @Test("Each machine is told once, until it is written")
    func news() throws {
      var (machine, other) = (TestMachine("a", key: 1), TestMachine("b", key: 2))
      let records = [machine.start(), other.start()]
      var log = LockedMachines()
      #expect(log.news(of: names([machine]), at: 0)?["count"] == "1")
      #expect(log.news(of: names([machine]), at: 1) == nil)
      let news = log.news(of: names([machine, other]), at: 2)
      #expect(news?["machines"] == "\(other.machine.namespace)/b")
      log.written(records)
      #expect(log.news(of: names([machine, other]), at: 3)?["count"] == "2")
    }
  }
}
