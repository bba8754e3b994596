import ProgressorStorage
import Testing

@testable import progressor

@Suite("A database, printed")
struct DatabaseOutputTests {
  @Test("What is wrong stands below what there is, and names steer no terminal")
  func lines() {
    var report = DatabaseReport()
    (report.version, report.host, report.database, report.role) = ("15.4", "h:1", "d", "r\u{1b}")
    #expect(
      DatabaseOutput.lines(report).map(\.text) == [
        "server    PostgreSQL 15.4 at h:1",
        "database  d, as r\\u{1b}",
        "schema    none; this program needs version \(DatabaseReport.neededVersion)",
        "rights    not known for serving, not for migrating",
      ])
    (report.schemaVersion, report.shards, report.mayMigrate) = (3, 16, true)
    report.postponed = ["008_x"]
    report.warnings = ["w"]
    #expect(
      DatabaseOutput.lines(report).map(\.text).suffix(3) == [
        "schema    version 3, this program needs \(DatabaseReport.neededVersion); 16 shards; "
          + "left to clean up: 008_x",
        "rights    for serving, and for migrating", "warning:  w",
      ])
  }

  @Test("Each kind of error has its own code")
  func codes() {
    let kinds: [StorageError.Kind] = [.unreachable, .crowded, .busy, .unfit, .schema, .rights]
    #expect(kinds.map { DatabaseExit.of($0).code } == [69, 69, 75, 78, 5, 77])
    #expect(DatabaseExit.of([]) == 0)
  }
}
