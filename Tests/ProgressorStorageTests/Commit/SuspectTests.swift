import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Suspect batches")
  struct SuspectTests {
    /// From now on an event with this body does that; nil = every event.
    private static func trap(_ body: String?, does action: String) -> String {
      """
      CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN \(action); RETURN NEW; END $$;
      CREATE TRIGGER trap BEFORE INSERT ON event FOR EACH ROW
      WHEN (\(body.map { "NEW.data = '\($0)'" } ?? "true")) EXECUTE FUNCTION trap();
      """
    }

    private static let damage = "RAISE EXCEPTION 'invalid page' USING ERRCODE = 'XX001'"

    @Test("A step whose write meets a damaged page is refused alone, and the others are written")
    func damaged() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      var (bad, good) = (TestMachine("bad", key: 1), TestMachine("good", key: 2))
      _ = try await test.commit([bad.start(), good.start()])
      try connection.runScript(Self.trap("bad", does: Self.damage), timeout: .seconds(10))
      let (badStep, goodStep) = (bad.step(["bad"]), good.step(["good"]))
      #expect(try await test.commit([badStep, goodStep]) == .refused("XX001"))
      let refusal = try await test.refusal(of: test.submit([badStep]))
      #expect(refusal.fault == .contents && refusal.code == "XX001")
      #expect(try await test.commit([goodStep]) == .committed)
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

    @Test("A step whose machine somebody has locked is refused alone, as one that may pass later")
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
      #expect(refusal.fault == .overdue)
      _ = try connection.query("ROLLBACK", timeout: .seconds(10))
      #expect(try await test.commit([heldStep]) == .committed)
    }
  }
}

extension TestStorage {
  fileprivate func refusal(of id: BatchID) async throws -> CommitRefusal {
    try await inbox.next("refusal") {
      if case .refused(id, let refusal) = $0 { refusal } else { nil }
    }
  }
}
