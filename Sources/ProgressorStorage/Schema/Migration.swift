import MachineModel

/// One change of the schema, from a file of Migrations/. A file that was released never changes.
struct Migration: Sendable {
  /// How it is applied.
  enum Manner: Sendable, Equatable {
    /// At once, in one transaction.
    case whole
    /// Statement by statement, none in a transaction with others: builds this index of machines
    /// beside the traffic. The statements can be repeated from the first one on, and none has a
    /// semicolon within. What an attempt that was cut short has left behind is taken away before.
    case index(String)
    /// As a whole, but not while a node has a lease whose program knows no more than earlier
    /// migrations: it takes away what only those use. It sees to it that no such node gets a lease
    /// afterwards. Nobody waits for it, no start fails with it, and later starts try again: later
    /// migrations may be applied before it.
    case cleanup
  }

  let number: Int32
  let name: String
  let sql: String
  let manner: Manner

  init(_ number: Int32, _ name: String, _ resource: [UInt8], _ manner: Manner = .whole) {
    self.number = number
    self.name = name
    self.manner = manner
    var sql = String(decoding: resource, as: UTF8.self)
    sql = Safeguard.fenceLock.applied(to: sql, replacing: "FOR NO KEY UPDATE")
    sql = Safeguard.fenceRaise.applied(
      to: sql, replacing: "RAISE EXCEPTION 'writer % of node % is fenced', its_slot, its_node",
      with: "RAISE DEBUG '% %', its_slot, its_node")
    self.sql = sql
  }

  /// As its file is called: `003_pause`.
  var title: String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, 3 - digits.count)) + "\(digits)_\(name)"
  }

  /// What is sent at a time.
  var scripts: [String] {
    switch manner {
    case .whole, .cleanup: [sql]
    case .index:
      // A part of comments alone would be an empty statement: the last one ends the file.
      sql.split(separator: ";\n").map { String($0) }
        .filter { part in
          part.split(separator: "\n").contains { !$0.hasPrefix("--") }
        }
    }
  }

  /// For tables without rows, where an index costs no time: as a whole, and so without a wait for
  /// everybody who has a transaction open in the database.
  var scriptWithoutTraffic: String { sql.replacing(" CONCURRENTLY", with: "") }

  /// The schema that this program knows.
  static var newest: Int32 { all.last?.number ?? 0 }

  /// In order, numbered from 1 on. Each file ends by recording itself in `schema_migration`.
  static let all = [
    Migration(1, "leases", PackageResources._01_leases_sql),
    Migration(2, "machines", PackageResources._02_machines_sql),
    Migration(3, "pause", PackageResources._03_pause_sql),
    Migration(4, "repair_jobs", PackageResources._04_repair_jobs_sql),
    Migration(5, "bounded_commits", PackageResources._05_bounded_commits_sql),
    Migration(
      6, "due_by_namespace", PackageResources._06_due_by_namespace_sql,
      .index("machine_due_by_namespace")),
    Migration(7, "patient_sweeps", PackageResources._07_patient_sweeps_sql),
    Migration(8, "drop_superseded", PackageResources._08_drop_superseded_sql, .cleanup),
    Migration(9, "delete_namespaces", PackageResources._09_delete_namespaces_sql),
    Migration(10, "principals", PackageResources._10_principals_sql),
    Migration(11, "trace", PackageResources._11_trace_sql),
    Migration(12, "node_status", PackageResources._12_node_status_sql),
    Migration(13, "waiting_for", PackageResources._13_waiting_for_sql),
    Migration(14, "messages", PackageResources._14_messages_sql),
    Migration(15, "feed", PackageResources._15_feed_sql),
  ]
}
