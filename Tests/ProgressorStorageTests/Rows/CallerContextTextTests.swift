import MachineModel
import Testing

@testable import ProgressorStorage

@Suite("The text form of a caller's context")
struct CallerContextTextTests {
  @Test(
    "Every context is read as it was written",
    arguments: [
      [], [("traceparent", "00-1-2-03")], [("x-a", ""), ("x-a", "twice")],
      [("x-odd", "tab\tline\nback\\slash\\n\0end")], [("x-\t\n", "ü\u{10FFFF}")],
    ] as [[(String, String)]])
  func roundTrip(_ entries: [(String, String)]) {
    let context = CallerContext(entries.map { .init(name: $0.0, value: $0.1) })
    #expect(context.entries.count == entries.count)
    #expect(CallerContext(text: context.text) == context)
    #expect(!context.text.contains("\0"))
  }

  @Test(
    "What is not such a form is not read",
    arguments: ["x", "x\ty", "x\ty\tz\n", "x\n", "x\ty\\q\n", "x\ty\n\\"])
  func damage(_ text: String) {
    #expect(CallerContext(text: text) == nil)
  }
}
