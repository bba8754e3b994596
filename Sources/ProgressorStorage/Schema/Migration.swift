import MachineModel

/// One change of the schema, from a file of Migrations/. A file that was released never changes.
struct Migration: Sendable {
  let number: Int32
  let name: String
  let sql: String

  init(_ number: Int32, _ name: String, _ resource: [UInt8]) {
    self.number = number
    self.name = name
    var sql = String(decoding: resource, as: UTF8.self)
    sql = Safeguard.fenceLock.applied(to: sql, replacing: "FOR NO KEY UPDATE")
    sql = Safeguard.fenceRaise.applied(
      to: sql, replacing: "RAISE EXCEPTION 'writer % of node % is fenced', its_slot, its_node",
      with: "RAISE DEBUG '% %', its_slot, its_node")
    self.sql = sql
  }

  /// In order, numbered from 1 on. Each file ends by recording itself in `schema_migration`.
  static let all = [
    Migration(1, "leases", PackageResources._01_leases_sql),
    Migration(2, "machines", PackageResources._02_machines_sql),
    Migration(3, "pause", PackageResources._03_pause_sql),
    Migration(4, "repair_jobs", PackageResources._04_repair_jobs_sql),
    Migration(5, "bounded_commits", PackageResources._05_bounded_commits_sql),
    Migration(6, "due_by_namespace", PackageResources._06_due_by_namespace_sql),
  ]
}
