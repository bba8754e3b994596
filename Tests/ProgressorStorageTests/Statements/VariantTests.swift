import Testing

@testable import ProgressorStorage

@Suite("Variants of a statement")
struct VariantTests {
  @Test("Each list has the condition of its status, and no other")
  func lists() {
    let conditions = [
      "machine.failed_at IS NULL",
      "(machine.timer_attempt IS NOT NULL OR machine.notification_retrying)",
      "machine.failed_at IS NOT NULL", "machine.paused_at IS NOT NULL",
    ]
    let lists: [(Statement, [Int])] = [
      (Statements.listAny, []), (Statements.listWorking, [0]), (Statements.listRetrying, [0, 1]),
      (Statements.listFailed, [2]), (Statements.listPaused, [3]),
    ]
    for (list, expected) in lists {
      let found = conditions.indices.filter { list.sql.contains("AND \(conditions[$0])") }
      #expect(found == expected, "\(list.name)")
      #expect(list.sql.contains("LIMIT $6"))
    }
  }

  @Test("A line with names is in the variants that they name; a line without is in all")
  func lines() {
    let text = "SELECT 1\n  AND a --: red\n  AND b --: red blue\n;"
    for (variant, kept) in [("red", ["a", "b"]), ("blue", ["b"]), ("re", [])] {
      let statement = Statement("s", Array(text.utf8), variant: variant)
      #expect(statement.name == "s")
      #expect(["a", "b"].filter { statement.sql.contains("AND \($0)") } == kept)
      #expect(statement.sql.hasPrefix("SELECT 1\n") && statement.sql.hasSuffix("\n;"))
    }
  }
}
