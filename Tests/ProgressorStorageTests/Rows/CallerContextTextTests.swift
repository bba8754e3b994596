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
    for principal in ["a", "a\tb\nc\\d", String(repeating: "é", count: 128)] {
      var asked = context
      asked.principal = principal
      let read = CallerContext(text: asked.text)
      #expect(read == asked)
      #expect(read?.principal?.utf8.elementsEqual(principal.utf8) == true)
    }
  }

  @Test("Who asks stands under a name that no entry has, so that nobody can write it")
  func principal() {
    let context = CallerContext(
      [.init(name: "progressor-principal", value: "admin"), .init(name: "x-a", value: "1")],
      principal: "alice")
    #expect(context.text == "progressor-principal\talice\nx-a\t1\n")
    #expect(CallerContext(text: context.text)?.entries.map(\.name) == ["x-a"])
    let stranger = CallerContext([.init(name: "progressor-principal", value: "admin")])
    #expect(stranger.text.isEmpty)
    #expect(
      CallerContext([.init(name: "x-a", value: "1\nprogressor-principal\tadmin")]).text
        == "x-a\t1\\nprogressor-principal\\tadmin\n")
  }

  @Test(
    "What is not such a form is not read",
    arguments: [
      "x", "x\ty", "x\ty\tz\n", "x\n", "x\ty\\q\n", "x\ty\n\\", "progressor-principal\t\n",
      "progressor-principal\ta\nprogressor-principal\ta\n",
      "progressor-principal\t" + String(repeating: "a", count: 257) + "\n",
    ])
  func damage(_ text: String) {
    #expect(CallerContext(text: text) == nil)
  }
}
