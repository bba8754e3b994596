import MachineModel
import Testing

@Suite("Text that others wrote")
struct ForeignTextTests {
  @Test(
    "is kept without U+0000, cut between two characters",
    arguments: [
      ("", 0, ""), ("abc", 3, "abc"), ("abc", 2, "ab"), ("aя", 2, "a"), ("aя", 3, "aя"),
      ("я", 1, ""), ("a\u{0}b", 9, "a\u{FFFD}b"), ("a\u{0}b", 4, "a\u{FFFD}"),
      ("a\u{0}b", 3, "a"), ("\u{1F600}x", 3, ""), ("line\n\ttext", 20, "line\n\ttext"),
    ])
  func fitToKeep(text: String, limit: Int, kept: String) {
    #expect(text.fitToKeep(utf8Bytes: limit) == kept)
  }

  @Test("is fit wherever it is kept")
  func everywhere() {
    let now = Timestamp(microseconds: 0)
    let text = "bad\u{0}thing"
    let failure = Failure(reason: text, failedAt: now, stepKind: .call, code: 2, attempts: 1)
    let job = RepairJobFailure(machine: "m", code: 2, reason: "R", message: text, at: now)
    #expect([failure.reason, job.message] == ["bad\u{FFFD}thing", "bad\u{FFFD}thing"])
  }
}
