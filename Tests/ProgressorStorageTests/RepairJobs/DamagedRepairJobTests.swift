import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Damaged repair jobs")
  struct DamagedRepairJobTests {
    private let spec = RepairJobSpec(
      namespace: "orders", failedSince: TestMachine.after(seconds: 0), reason: "r")

    /// A storage with as many running jobs as there are damages, and one more at each end.
    private func storage(_ damages: [String]) async throws -> TestStorage {
      let test = try await TestStorage.owner()
      let ids = ["first"] + damages.indices.map { "bad\($0)" } + ["last"]
      for id in ids {
        _ = try await test.storage.createRepairJob(id, spec, now: TestMachine.after(seconds: 9))
      }
      let connection = try test.connect()
      try connection.runScript(
        """
        ALTER TABLE repair_job ALTER COLUMN matched DROP NOT NULL;
        ALTER TABLE repair_job ALTER COLUMN reason DROP NOT NULL;
        """, timeout: .seconds(10))
      for (index, damage) in damages.enumerated() {
        try connection.runScript(
          "UPDATE repair_job SET \(damage) WHERE id = 'bad\(index)'", timeout: .seconds(10))
      }
      return test
    }

    private func list(_ test: TestStorage, limit: Int32) async throws -> [String] {
      try await test.storage.repairJobs(ofNamespace: nil, before: .max, limit: limit).map(\.job.id)
    }

    @Test("Of jobs that cannot be read the others are listed and worked on; Get says what is wrong")
    func rows() async throws {
      let damages = [
        "created_at = 'infinity'", "rate = -1", "rate = 2147483647", "matched = NULL",
        "matched = -9223372036854775808", "reason = NULL", "failed_since = '-infinity'",
        "namespace = 77", "remaining = 9223372036854775807, failed = 9223372036854775807",
      ]
      let test = try await storage(damages)
      defer { test.storage.stop() }
      #expect(try await test.storage.runningRepairJobs().map(\.job.id) == ["last", "first"])
      for limit in Int32(1)...4 {
        let expected = Array(["last", "first"].prefix(Int(limit)))
        #expect(try await list(test, limit: limit) == expected, "reads on behind the damaged ones")
      }
      for (index, damage) in damages.enumerated() {
        let error = await #expect(throws: ProgressorError.self) {
          try await test.storage.repairJob("bad\(index)")
        }
        #expect(error?.code == .internal, "\(damage): \(String(describing: error))")
        #expect(error?.message.contains("cannot be read") == true)
      }
      #expect(try await test.storage.repairJob("first").job.id == "first")
    }

    @Test("A row that PostgreSQL itself cannot read hides no others")
    func page() async throws {
      let test = try await storage(["rate = 7", "rate = 7"])
      defer { test.storage.stop() }
      try test.connect().runScript(
        """
        CREATE FUNCTION lost(id text, value text) RETURNS text STABLE LANGUAGE plpgsql AS $$
        BEGIN
          IF id LIKE 'bad%' THEN RAISE 'invalid page' USING ERRCODE = 'XX001'; END IF;
          RETURN value;
        END $$;
        ALTER TABLE repair_job RENAME TO sound;
        CREATE VIEW repair_job AS
        SELECT number, id, namespace, failed_since, failed_until, id_prefix, failure_contains,
          processor_args, rate, dry_run, lost(id, reason) COLLATE "default" AS reason, requested_by,
          created_at, matched, state, finished_at, remaining, failed, namespace_name, principal
        FROM sound;
        """, timeout: .seconds(10))
      #expect(try await test.storage.runningRepairJobs().map(\.job.id) == ["last", "first"])
      #expect(try await list(test, limit: 2) == ["last", "first"])
      #expect(try await list(test, limit: 1) == ["last"])
      let error = await #expect(throws: ProgressorError.self) {
        try await test.storage.repairJob("bad1")
      }
      #expect(error?.code == .internal && error?.message.contains("invalid page") == true)
    }

    @Test("A failure that cannot be read is listed with what is wrong with it")
    func failure() async throws {
      let test = try await storage([])
      defer { test.storage.stop() }
      let job = try await test.storage.repairJob("first")
      let failures = ["a", "b"].map {
        RepairJobFailure(
          machine: $0, code: 10, reason: "R", message: "m", at: TestMachine.after(seconds: 9))
      }
      try await test.storage.recordRepairFailures(
        failures, shards: [ShardID(1), ShardID(2)], of: job)
      try test.connect().runScript(
        "UPDATE repair_job_failure SET tried_at = 'infinity' WHERE machine_id = 'a'",
        timeout: .seconds(10))
      let shown = try await test.storage.repairJobFailures("first", after: nil, limit: 9)
      #expect(shown.map(\.machine) == ["a", "b"])
      #expect(shown[0].code == Code.dataLoss.rawValue)
      #expect(shown[0].message.contains("cannot be read"))
      #expect(shown[1] == failures[1])
    }
  }
}
