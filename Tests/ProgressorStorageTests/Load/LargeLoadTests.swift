import Glibc
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Large loads")
  struct LargeLoadTests {
    /// A machine with so many events besides those of its steps.
    private func machine(
      _ id: String, key: Int64 = 1, events: Int64, on test: TestStorage
    ) async throws -> TestMachine {
      var machine = TestMachine(id, key: key)
      _ = try await test.commit([machine.start(events: ["1"])])
      try test.connect().runScript(
        """
        INSERT INTO event
        SELECT 0, \(key), id, now(), 0, id::text::bytea FROM generate_series(2, \(events)) AS id;
        UPDATE machine SET last_event_id = \(events), last_event_at = now()
        WHERE machine_key = \(key);
        """, timeout: .seconds(30))
      return machine
    }

    private func item(_ machine: TestMachine) -> MachineLoader.Item {
      MachineLoader.Item(
        request: LoadRequest(
          id: LoadID(1), shard: machine.shard, namespace: machine.namespace,
          machine: machine.machine, row: true, history: .all), deadline: .max)
    }

    @Test("A long history comes whole, in its order, with everything else that was asked for")
    func pages() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let machine = try await machine("m", events: 5_000, on: test)
      _ = try await test.commit([
        machine.record(
          .requeue(due: nil), enqueued: [TestMachine.notification(1)],
          idempotency: CommitTests.key("k"))
      ])
      let loaded = try await test.load(machine, history: .all, key: "k").get()
      #expect(loaded.history.map(\.id) == Array(1...5_000))
      #expect(bodies(loaded.history) == (1...5_000).map { "\($0)" })
      #expect(loaded.row?.lastEventID == 5_000 && loaded.notifications.count == 1)
      #expect(loaded.idempotency == CommitTests.key("k"))
      let back = HistoryRange(after: 4_000, limit: 3_000, direction: .backward)
      let part = try await test.load(machine, row: false, history: back).get()
      #expect(part.history.map(\.id) == Array(1_000...3_999).reversed() && part.row == nil)
    }

    @Test("Nobody waits for a large load that hangs, and it comes when it can")
    func apart() async throws {
      let test = try await TestStorage.owner { $0.readTimeout = .seconds(20) }
      defer { test.storage.stop() }
      let large = try await machine("large", events: 2_000, on: test)
      var small = TestMachine("small", key: 2)
      _ = try await test.commit([small.start(events: ["a"])])
      #expect(try await test.load(large, history: .all).get().history.count == 2_000)
      let backend: Int32 = try test.connect().scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'progressor/loader-large'"
          + " AND datname = current_database()")
      kill(backend, SIGSTOP)
      async let hanging = test.load(large, history: .all)
      for _ in 1...20 {
        #expect(try await test.load(small, history: .all).get().history.count == 1)
        let tail = HistoryRange(after: 0, limit: 10, direction: .backward)
        #expect(try await test.load(large, history: tail).get().history.count == 10)
      }
      kill(backend, SIGCONT)
      #expect(try await hanging.get().history.count == 2_000)
    }

    @Test("That a history is too large is known by its length, without a look at it")
    func tooLong() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let connection = try test.connect()
      _ = try connection.query(
        "UPDATE machine SET last_event_id = 2000000", timeout: .seconds(10))
      var load = LargeLoad(item(machine))
      let answer = try load.turn(on: connection, timeout: .seconds(10))
      guard case .found(let loaded) = answer else {
        Issue.record("\(String(describing: answer))")
        return
      }
      #expect(loaded.historyTooLarge && loaded.history.isEmpty && loaded.row != nil)
    }

    @Test("A machine that is removed between two pages is not there")
    func removed() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let machine = try await machine("m", events: 5_000, on: test)
      let connection = try test.connect()
      var load = LargeLoad(item(machine))
      // The rows, the size, the first page.
      for _ in 1...3 {
        let answer = try load.turn(on: connection, timeout: .seconds(10))
        #expect(answer.map { _ in false } ?? true)
      }
      _ = try await test.commit([machine.record(.delete(expectedVersion: 1))])
      try connection.waitUntil("NOT EXISTS (SELECT FROM event)")
      #expect(try finish(&load, on: connection) == Loaded())
    }

    @Test("A history with a hole is shown as it is")
    func hole() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let machine = try await machine("m", events: 3_000, on: test)
      let connection = try test.connect()
      _ = try connection.query("DELETE FROM event WHERE id = 1500", timeout: .seconds(10))
      var load = LargeLoad(item(machine))
      let loaded = try finish(&load, on: connection)
      #expect(loaded.history.map(\.id) == Array(1...1_499) + Array(1_501...3_000))
    }

    private func finish(_ load: inout LargeLoad, on connection: Connection) throws -> Loaded {
      while true {
        switch try load.turn(on: connection, timeout: .seconds(10)) {
        case .found(let loaded): return loaded
        case nil: continue
        case let other?: throw Inbox.Missing(description: "a load, but \(other)")
        }
      }
    }
  }
}
