import Testing

@testable import progressor

@Suite("The token that a command shows")
struct ClientTokenTests {
  private func token(_ text: String) throws -> String {
    try ClientToken.token(Array(text.utf8), "f")
  }

  @Test(
    "is the only line of a file, with or without its end",
    arguments: ["a.b", "a.b\n", "a.b\r\n"])
  func line(text: String) throws {
    #expect(try token(text) == "a.b")
  }

  @Test(
    "nothing else is one, and no message quotes it",
    arguments: ["", "\n", "\r\n", "a\nb", "a\n\n", " a", "a ", "\u{E9}", "a\u{0}"])
  func wrong(text: String) {
    let failure = #expect(throws: InputFile.Failure.self) { try token(text) }
    #expect(failure?.description.hasPrefix("f ") == true)
    #expect(throws: InputFile.Failure.self) { try token(String(repeating: "a", count: 8_193)) }
  }
}
