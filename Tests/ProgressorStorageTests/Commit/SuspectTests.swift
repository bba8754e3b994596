import MachineModel
import PostgreSQL
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Suspect batches")
  struct SuspectTests {
    /// From now on an event with this body does that; nil = every event.
    private static func trap(_ body: String?, does action: String) -> String {
      trapFunction(does: action)
        + """
        CREATE TRIGGER trap BEFORE INSERT ON event FOR EACH ROW
        WHEN (\(body.map { "NEW.data = '\($0)'" } ?? "true")) EXECUTE FUNCTION trap();
        """
    }

    private static func trapFunction(does action: String) -> String {
      """
      CREATE OR REPLACE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN \(action); RETURN NEW; END $$;
      """
    }

    private static let damage = "RAISE EXCEPTION 'invalid page' USING ERRCODE = 'XX001'"

    @Test("A step whose write meets a damaged page is refused alone, and the others are written")
    func damaged() async throws {
      let test = try await TestStorage.owner { $0.damagePatience = .seconds(1) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      var (bad, good) = (TestMachine("bad", key: 1), TestMachine("good", key: 2))
      _ = try await test.commit([bad.start(), good.start()])
      try connection.runScript(Self.trap("bad", does: Self.damage), timeout: .seconds(10))
      let (badStep, goodStep) = (bad.step(["bad"]), good.step(["good"]))
      #expect(try await test.commit([badStep, goodStep]) == .refused("XX001"))
      // It may pass, until it has been tried for long enough.
      var refusal = try await test.refusal(of: test.submit([badStep]))
      #expect(refusal.fault == .overdue && refusal.code == "XX001")
      #expect(try await test.commit([goodStep]) == .committed)
      try await eventually("the machine's fault") {
        refusal = try await test.refusal(of: test.submit([badStep]))
        return refusal.fault == .contents
      }
      #expect(refusal.code == "XX001")
      #expect(!test.inbox.rest.contains { if case .commitDelayed = $0 { true } else { false } })
      // Nothing of the probe is left.
      #expect(try await test.list().get().map(\.machineID.id) == ["bad", "good"])
      #expect(
        try connection.scalar(
          """
          SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM notification)
            + (SELECT count(*) FROM idempotency) + (SELECT count(*) FROM tombstone)
          """, as: Int64.self) == 1)
    }

    @Test("While every write meets an internal error no step is blamed: the batch is kept")
    func damagedForAll() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(Self.trap(nil, does: Self.damage), timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["a"])])
      try await test.inbox.next("delay") { if case .commitDelayed(id) = $0 { () } else { nil } }
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      #expect(try await test.outcome(of: id) == .committed)
    }

    @Test("Damage in many machines is the database's: none of them fails, and the status says so")
    func damagedForMany() async throws {
      let test = try await TestStorage.owner { $0.damagePatience = .zero }
      defer { test.storage.stop() }
      var machines = (1...5).map { TestMachine("m\($0)", key: Int64($0)) }
      _ = try await test.commit(machines.indices.map { machines[$0].start() })
      let connection = try test.connect()
      try connection.runScript(
        Self.trap("bad", does: Self.damage.replacing("XX001", with: "58030")),
        timeout: .seconds(10))
      let steps = machines.indices.map { machines[$0].step(["bad"]) }
      let health = Flag()
      test.storage.followSessions { health.set($0) }
      for _ in 1...4 {
        for step in steps {
          let refusal = try await test.refusal(of: test.submit([step]))
          #expect(refusal.fault == .overdue && refusal.code == "58030")
        }
      }
      #expect(!test.storage.status.isAvailable && test.storage.status.problem != nil)
      #expect(!health.isSet)
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      for step in steps { #expect(try await test.commit([step]) == .committed) }
      #expect(test.storage.status.isAvailable && health.isSet)
    }

    @Test("What the role may not do ends the lease after a while, and another node may have it")
    func misfit() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(4) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let denial = "RAISE EXCEPTION 'permission denied' USING ERRCODE = '42501'"
      try connection.runScript(Self.trap(nil, does: denial), timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["a"])])
      try await test.inbox.next("delay") { if case .commitDelayed(id) = $0 { () } else { nil } }
      #expect(test.storage.status.problem?.contains("42501") == true)
      #expect(try await test.lost().count == 8)
      #expect(try await test.outcome(of: id) == .fenced)
      test.storage.acknowledgeLoss()
      let other = try TestStorage(database: test.database)
      defer { other.storage.stop() }
      #expect(try await other.grants().count == 8)
    }

    @Test("Who can have no other node keeps lease and batch while the role may not write it")
    func misfitAlone() async throws {
      let test = try await TestStorage.owner {
        $0.leaseDuration = .seconds(1)
        $0.leaseMargin = .milliseconds(100)
        $0.isExclusive = true
      }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let denial = "RAISE EXCEPTION 'permission denied' USING ERRCODE = '42501'"
      try connection.runScript(
        "CREATE SEQUENCE attempt;" + Self.trap(nil, does: "PERFORM nextval('attempt'); \(denial)"),
        timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["a"])])
      // Long after the lease of another would be over.
      try connection.waitUntil("(SELECT last_value >= 9 FROM attempt)")
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      #expect(try await test.outcome(of: id) == .committed)
    }

    @Test("A batch that PostgreSQL is at work on for several leases is given up, and written once")
    func endless() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      // Each statement is within its limit, all of them are not: the first time.
      let nap = "IF nextval('attempt') <= 2 THEN PERFORM pg_sleep(10); END IF"
      try connection.runScript(
        "CREATE SEQUENCE attempt;" + Self.trap("slow", does: nap)
          + """
          CREATE TRIGGER trap BEFORE INSERT ON machine FOR EACH ROW EXECUTE FUNCTION trap();
          """, timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["slow"])])
      #expect(try await test.outcome(of: id, within: .seconds(60)) == .committed)
      #expect(try connection.scalar("SELECT last_value FROM attempt", as: Int64.self) == 4)
      let loaded = try await test.load(machine, history: .all).get()
      #expect(loaded.row == machine.row && bodies(loaded.history) == ["slow"])
    }

    @Test(
      "A batch over which the session is lost again and again is tried apart", arguments: [1, 2])
    func poisonous(steps: Int) async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(60) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let fall = "PERFORM pg_terminate_backend(pg_backend_pid())"
      try connection.runScript(Self.trap("bad", does: fall), timeout: .seconds(10))
      var machines = (1...steps).map { TestMachine("m\($0)", key: Int64($0)) }
      let records = machines.indices.map { machines[$0].start(events: [$0 == 0 ? "bad" : "good"]) }
      let refusal = try await test.refusal(of: test.submit(records))
      #expect(refusal.fault == .overdue)
      #expect(try await test.commit(Array(records.dropFirst())) == .committed)
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      #expect(try await test.commit([records[0]]) == .committed)
    }

    @Test("An internal error that does not come again is nobody's fault")
    func transient() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let once = "IF nextval('attempt') = 1 THEN \(Self.damage); END IF"
      try test.connect().runScript(
        "CREATE SEQUENCE attempt;" + Self.trap("a", does: once), timeout: .seconds(10))
      var machine = TestMachine("m")
      #expect(try await test.commit([machine.start(events: ["a"])]) == .committed)
    }

    @Test("A batch that takes too long is split; alone the slow step has its time")
    func slow() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      try test.connect().runScript(
        Self.trap("slow", does: "PERFORM pg_sleep(2)"), timeout: .seconds(10))
      var (slow, quick) = (TestMachine("slow", key: 1), TestMachine("quick", key: 2))
      let (slowStart, quickStart) = (slow.start(events: ["slow"]), quick.start(events: ["a"]))
      #expect(try await test.commit([slowStart, quickStart]) == .refused("57014"))
      #expect(try await test.commit([quickStart]) == .committed)
      #expect(try await test.commit([slowStart]) == .committed)
    }

    @Test("A step whose machine somebody has locked is named, and written later")
    func locked() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var (held, free) = (TestMachine("held", key: 1), TestMachine("free", key: 2))
      _ = try await test.commit([held.start(), free.start()])
      let connection = try test.connect()
      var pipeline = Pipeline()
      pipeline.append(sql: "BEGIN")
      pipeline.append(sql: "UPDATE machine SET version = version WHERE id = 'held'")
      _ = try connection.run(pipeline, timeout: .seconds(10))
      let (heldStep, freeStep) = (held.step(["a"]), free.step(["a"]))
      #expect(try await test.commit([heldStep, freeStep]) == .refused("55P03"))
      #expect(try await test.commit([freeStep]) == .committed)
      let refusal = try await test.refusal(of: test.submit([heldStep]))
      #expect(refusal.fault == .locked([held.machine]))
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
      #expect(try await test.commit([heldStep]) == .committed)
    }

    @Test("What an operator's trigger refuses is refused alone, and costs no lease")
    func trigger() async throws {
      let test = try await TestStorage.owner { $0.damagePatience = .zero }
      defer { test.storage.stop() }
      try test.connect().runScript(
        Self.trap("bad", does: "RAISE EXCEPTION 'not here'"), timeout: .seconds(10))
      var (bad, good) = (TestMachine("bad", key: 1), TestMachine("good", key: 2))
      let (badStart, goodStart) = (bad.start(events: ["bad"]), good.start(events: ["a"]))
      #expect(try await test.commit([badStart, goodStart]) == .refused("P0001"))
      #expect(try await test.commit([goodStart]) == .committed)
      var faults: [CommitRefusal.Fault] = []
      for _ in 1...3 { faults.append(try await test.refusal(of: test.submit([badStart])).fault) }
      #expect(faults == [.overdue, .overdue, .contents])
      #expect(!test.inbox.rest.contains { if case .shardsLost = $0 { true } else { false } })
    }

    @Test("What only one session cannot do is no step's fault: another one does it")
    func session() async throws {
      let test = try await TestStorage.owner { $0.damagePatience = .zero }
      defer { test.storage.stop() }
      let connection = try test.connect()
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let writer: Int32 = try connection.scalar(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%/writer/0/'"
          + " AND datname = current_database()")
      let lack = "RAISE EXCEPTION 'prepared statement does not exist' USING ERRCODE = '26000'"
      try connection.runScript(
        Self.trap(nil, does: "IF pg_backend_pid() = \(writer) THEN \(lack); END IF"),
        timeout: .seconds(10))
      #expect(try await test.commit([machine.step(["a"])]) == .committed)
    }

    @Test("While a trigger refuses everything the lease is kept, and the batch with it")
    func triggerForAll() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(4) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let refuse = "PERFORM nextval('attempt'); RAISE EXCEPTION 'not here'"
      try connection.runScript(
        "CREATE SEQUENCE attempt;" + Self.trap(nil, does: refuse), timeout: .seconds(10))
      var machine = TestMachine("m")
      let id = test.submit([machine.start(events: ["a"])])
      // Each try has its probe; so many take longer than half a lease.
      try connection.waitUntil("(SELECT last_value >= 20 FROM attempt)")
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      #expect(try await test.outcome(of: id) == .committed)
    }

    @Test("Who meets a misfit again after the rest keeps lease and batch: nobody does better")
    func misfitAgain() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(4) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let denial = "RAISE EXCEPTION 'permission denied' USING ERRCODE = '42501'"
      try connection.runScript(
        "CREATE SEQUENCE attempt;" + Self.trap(nil, does: "PERFORM nextval('attempt'); \(denial)"),
        timeout: .seconds(10))
      var machine = TestMachine("m")
      let record = machine.start(events: ["a"])
      #expect(try await test.outcome(of: test.submit([record])) == .fenced)
      test.storage.acknowledgeLoss()
      try await test.grants()
      let before = try connection.scalar("SELECT last_value FROM attempt", as: Int64.self)
      let id = test.submit([record])
      try connection.waitUntil("(SELECT last_value >= \(before + 10) FROM attempt)")
      #expect(test.storage.status.problem?.contains("42501") == true)
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      #expect(try await test.outcome(of: id) == .committed)
    }

    @Test("A step that brings its session down does so once per try, and its machine fails for it")
    func deadly() async throws {
      let test = try await TestStorage.owner {
        $0.leaseDuration = .seconds(60)
        $0.damagePatience = .zero
      }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let fall = "PERFORM nextval('attempt'); PERFORM pg_terminate_backend(pg_backend_pid())"
      try connection.runScript(
        "CREATE SEQUENCE attempt;" + Self.trap("bad", does: fall), timeout: .seconds(10))
      var (bad, good) = (TestMachine("bad", key: 1), TestMachine("good", key: 2))
      let start = bad.start(events: ["bad"])
      var falls: [Int64] = []
      var faults: [CommitRefusal.Fault] = []
      _ = try await test.commit([good.start()])
      for _ in 1...3 {
        faults.append(try await test.refusal(of: test.submit([start])).fault)
        falls.append(try connection.scalar("SELECT last_value FROM attempt"))
        #expect(try await test.commit([good.step()]) == .committed)
      }
      #expect(faults == [.overdue, .overdue, .contents])
      #expect(falls == [3, 4, 5])
    }

    @Test("A session that is lost now and then over a step that is only locked fails no machine")
    func lostByChance() async throws {
      let test = try await TestStorage.owner { $0.damagePatience = .zero }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let actions = [
        "PERFORM pg_terminate_backend(pg_backend_pid())",
        "RAISE EXCEPTION 'locked' USING ERRCODE = '55P03'",
      ]
      try connection.runScript(Self.trap("bad", does: actions[0]), timeout: .seconds(10))
      var bad = TestMachine("bad", key: 1)
      let start = bad.start(events: ["bad"])
      for action in [0, 0, 1, 0, 0, 1, 0, 0] {
        try connection.runScript(Self.trapFunction(does: actions[action]), timeout: .seconds(10))
        #expect(try await test.refusal(of: test.submit([start])).fault == .overdue)
      }
    }

    @Test(
      "A step that meets a serialization failure at every try is tried alone, and costs no lease")
    func conflict() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(4) }
      defer { test.storage.stop() }
      try test.connect().runScript(
        Self.trap("bad", does: "RAISE EXCEPTION 'again' USING ERRCODE = '40001'"),
        timeout: .seconds(10))
      var (bad, good) = (TestMachine("bad", key: 1), TestMachine("good", key: 2))
      let (badStart, goodStart) = (bad.start(events: ["bad"]), good.start(events: ["a"]))
      #expect(try await test.commit([badStart, goodStart]) == .refused("40001"))
      #expect(try await test.commit([goodStart]) == .committed)
      for _ in 1...3 {
        #expect(try await test.refusal(of: test.submit([badStart])).fault == .overdue)
      }
      #expect(!test.inbox.rest.contains { if case .shardsLost = $0 { true } else { false } })
    }

    @Test("A slow step that comes again alone has less time, and nobody is told of a delay")
    func slowAgain() async throws {
      let test = try await TestStorage.owner { $0.leaseDuration = .seconds(2) }
      defer { test.storage.stop() }
      let connection = try test.connect()
      try connection.runScript(
        Self.trap("slow", does: "PERFORM pg_sleep(1000)"), timeout: .seconds(10))
      var (slow, quick) = (TestMachine("slow", key: 1), TestMachine("quick", key: 2))
      _ = try await test.commit([quick.start()])
      let start = slow.start(events: ["slow"])
      let first = test.submit([start])
      try await test.inbox.next("delay") { if case .commitDelayed(first) = $0 { () } else { nil } }
      #expect(try await test.refusal(of: first).fault == .overdue)
      for _ in 1...2 {
        #expect(try await test.commit([quick.step()]) == .committed)
        #expect(try await test.refusal(of: test.submit([start])).fault == .overdue)
      }
      #expect(!test.inbox.rest.contains { if case .commitDelayed = $0 { true } else { false } })
      try connection.runScript("DROP TRIGGER trap ON event", timeout: .seconds(10))
      #expect(try await test.commit([start]) == .committed)
    }
  }
}

/// Set and read by different threads.
private final class Flag: Sendable {
  private let value = Atomic(true)

  func set(_ isSet: Bool) { value.store(isSet, ordering: .sequentiallyConsistent) }

  var isSet: Bool { value.load(ordering: .sequentiallyConsistent) }
}
