import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Plans")
  struct PlanTests {
    /// A hot statement, and the indexes that its generic plan must use.
    struct Hot: Sendable, CustomTestStringConvertible {
      var statement: Statement
      var indexes: [String]
      var testDescription: String { statement.name }

      init(_ statement: Statement, _ indexes: String...) {
        self.statement = statement
        self.indexes = indexes
      }
    }

    static let machineID = "machine_namespace_id_shard_key"

    static let hot = [
      Hot(MachineUpdates.statement, "machine_pkey"),
      Hot(MachineRequeues.statement, "machine_pkey"),
      Hot(NotificationInserts.statement, "machine_pkey"),
      Hot(NotificationDeletes.statement, "notification_pkey"),
      Hot(NotificationReschedules.statement, "notification_pkey"),
      Hot(MachineDeletes.statement, "machine_pkey"),
      Hot(MachinePauses.statement, "machine_pkey"),
      Hot(CondemnedMachines.statement, "machine_pkey"),
      Hot(Statements.lockedMachines, "machine_pkey"),
      Hot(Statements.sweepIdempotency, "idempotency_by_expiry", "idempotency_pkey"),
      Hot(Statements.sweepTrace, "trace_by_expiry", "trace_pkey"),
      Hot(Statements.exportEvents, machineID, "event_pkey"),
      Hot(Statements.exportIDs, machineID),
      Hot(Statements.raiseEpoch, "writer_pkey"),
      Hot(Statements.witnessMachine, "machine_pkey"),
      Hot(Statements.witnessNotification, "notification_pkey"),
      Hot(Statements.witnessIdempotency, "idempotency_pkey"),
      Hot(Statements.witnessTrace, "trace_pkey"),
      Hot(Statements.trace, machineID, "trace_pkey"),
      Hot(Statements.loadRows, machineID),
      Hot(Statements.loadHistories, machineID, "event_pkey"),
      Hot(Statements.loadHistorySize, "event_pkey"),
      Hot(Statements.loadHistoryPage, "event_pkey"),
      Hot(Statements.loadNotifications, machineID, "notification_pkey"),
      Hot(Statements.loadIdempotency, "idempotency_pkey"),
      Hot(Statements.listAny, machineID, "notification_pkey"),
      Hot(Statements.listWorking, machineID),
      Hot(Statements.listRetrying, "machine_retrying", "notification_pkey"),
      Hot(Statements.listFailed, "machine_failed"),
      Hot(Statements.listPaused, "machine_paused"),
      Hot(Statements.listFound, "machine_pkey", "notification_pkey"),
      Hot(Statements.findFailures, "machine_failed"),
      Hot(Statements.findLate, "machine_due_by_namespace", "machine_paused", "notification_pkey"),
      Hot(Statements.findLateInOrder, machineID, "notification_pkey"),
      Hot(
        Statements.countMachines, machineID, "machine_failed", "machine_retrying", "machine_paused",
        "machine_due_by_namespace", "notification_pkey"),
      Hot(Statements.listNotifications, machineID, "notification_pkey"),
      Hot(Statements.dueMachines, "machine_due_by_namespace"),
      Hot(Statements.renew, "node_pkey"),
      Hot(Statements.repairJobPage, "machine_failed_at"),
      Hot(Statements.repairJobRunning, "repair_job_running"),
      Hot(Statements.repairJobComplete, "repair_job_failure_by_job"),
      Hot(Statements.repairJobCancel, "repair_job_failure_by_job"),
      Hot(Statements.repairJobFailures, "repair_job_failure_by_job"),
    ]

    @Test("Hot statements have index plans, on an empty database and on a filled one")
    func indexes() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try expectIndexPlans(try test.connect())
      try fill(try test.connect())
      try expectIndexPlans(try test.connect())
    }

    private func expectIndexPlans(_ connection: Connection) throws {
      for hot in Self.hot {
        let plan = try connection.plan(of: hot.statement)
        let lines = plan.split(separator: "\n")
        for index in hot.indexes {
          #expect(plan.contains(" \(index) "), "\(hot.statement.name) without \(index):\n\(plan)")
        }
        let scans = lines.filter { $0.contains("Seq Scan") }
        #expect(scans.isEmpty, "\(hot.statement.name) reads a whole table:\n\(plan)")
        // A page of machines ends after its last row only if its index gives the order. What is
        // sorted otherwise is at most one round or one batch.
        if ["due_machines", "repair_job_page"].contains(hot.statement.name) {
          #expect(!plan.contains("Sort"), "\(hot.statement.name) sorts:\n\(plan)")
        }
      }
    }

    @Test("Whether a namespace has machines is seen in an index, whatever else the table has")
    func machinesOfNamespace() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      for isFilled in [false, true] {
        if isFilled { try fill(connection) }
        for statement in [Statements.namespaceMachines, Statements.namespaceDelete] {
          let plan = try connection.plan(of: statement)
          #expect(plan.contains(" \(Self.machineID) "), "\(statement.name):\n\(plan)")
          #expect(!plan.contains("Seq Scan on machine"), "\(statement.name):\n\(plan)")
          #expect(!plan.contains("Sort"), "\(statement.name):\n\(plan)")
        }
      }
    }

    @Test("A census looks at no machine but those that it counts, in the order of an index")
    func census() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let connection = try test.connect()
      let due = "machine_due_by_namespace"
      for isFilled in [false, true] {
        if isFilled { try fill(connection) }
        for (statement, indexes) in [
          (
            Statements.censusNamespaces,
            ["machine_failed", "machine_retrying", "machine_paused", due]
          ), (Statements.censusLate, [due]),
        ] {
          let plan = try connection.plan(of: statement)
          for index in indexes {
            #expect(plan.contains(" \(index) "), "\(statement.name) without \(index):\n\(plan)")
          }
          #expect(!plan.contains("Seq Scan on machine"), "\(statement.name):\n\(plan)")
          // Sorted is what there is of namespaces and nodes.
          let sorts = plan.split(separator: "\n").filter { $0.contains("Sort Key") }
          #expect(sorts.allSatisfy { !$0.contains("machine") }, "\(statement.name):\n\(plan)")
        }
      }
    }

    private func fill(_ connection: Connection) throws {
      try connection.runScript(
        """
        INSERT INTO machine (
          shard, machine_key, namespace, id, version, created_at, last_event_id, last_event_at,
          failed_at, timer_attempt, notification_count, notification_retrying, due_at)
        SELECT n % 8, n, 1, 'm' || n, 1, now(), 3, now(),
          CASE WHEN n % 100 = 0 THEN now() - n * interval '1 s' END,
          CASE WHEN n % 50 = 1 THEN 1 END,
          1, n % 70 = 2,
          CASE WHEN n % 3 = 0 THEN now() END
        FROM generate_series(1, 20000) AS n;
        INSERT INTO event
        SELECT n % 8, n, id, now(), 0, 'x' FROM generate_series(1, 20000) AS n,
          generate_series(1, 3) AS id;
        INSERT INTO notification (
          shard, machine_key, sequence, notification_id, args, context, accepted_at)
        SELECT n % 8, n, 1, 'n', 'x', '', now() FROM generate_series(1, 20000) AS n;
        INSERT INTO idempotency
        SELECT n % 8, 1, 'm' || n, 'k', 'f', 1, '', now() + interval '1 day'
        FROM generate_series(1, 20000) AS n;
        INSERT INTO repair_job (
          id, namespace, failed_since, id_prefix, failure_contains, rate, dry_run, reason,
          requested_by, created_at, matched, state, finished_at)
        SELECT 'j' || n, 1, now(), '', '', 0, false, 'r', '', now(), 0, 1 + (n % 2),
          CASE WHEN n % 2 = 1 THEN now() END
        FROM generate_series(1, 1000) AS n;
        INSERT INTO repair_job_failure
        SELECT n % 8, 1, 'm' || n, 10, '', '', now() FROM generate_series(1, 5000) AS n;
        ANALYZE;
        """, timeout: .seconds(60))
    }

    @Test("Updates of machines without a new due time stay on their page: no index is touched")
    func hotUpdates() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machines = (0..<100).map { TestMachine("m\($0)", key: Int64($0)) }
      _ = try await test.commit(machines.indices.map { machines[$0].start() })
      for _ in 1...20 {
        _ = try await test.commit(machines.indices.map { machines[$0].step(["e"]) })
      }
      let connection = try test.connect()
      try connection.waitUntil(
        "(SELECT n_tup_upd >= 2000 FROM pg_stat_user_tables WHERE relname = 'machine')")
      let share: Double = try connection.scalar(
        "SELECT n_tup_hot_upd::float8 / n_tup_upd FROM pg_stat_user_tables"
          + " WHERE relname = 'machine'")
      #expect(share > 0.75)
    }
  }
}

extension Connection {
  /// The generic plan, as the session of a writer or reader makes it.
  ///
  /// - Parameter types: of the parameters, where they do not follow from the statement.
  func plan(of statement: Statement, types: String = "") throws -> String {
    try runScript(
      "DEALLOCATE ALL; PREPARE hot \(types) AS \(statement.sql)", timeout: .seconds(10))
    let count: Int32 = try scalar(
      "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'hot'")
    let nulls = [String](repeating: "NULL", count: Int(count)).joined(separator: ", ")
    let rows = try query(
      "EXPLAIN EXECUTE hot" + (count == 0 ? "" : "(\(nulls))"), timeout: .seconds(10))
    return try rows.map { try $0.value(0, as: String.self) }.joined(separator: "\n") + " "
  }
}
