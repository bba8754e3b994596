import GRPC
import MachineModel
import ProgressorProto
import Testing

@testable import progressor

@Suite("Text for a terminal")
struct TerminalTextTests {
  @Test("what stands in the source stays, what is put into it is escaped")
  func interpolation() {
    let id = "a\tb\n\u{1B}"
    let text: TerminalText = "id\t\(id)\n"
    #expect(text.text == "id\ta\\tb\\n\\u{1b}\n")
    let twice: TerminalText = "<\(text)>"
    #expect(twice.text == "<\(text.text)>", "what was escaped once is ours")
  }

  @Test(
    "every character that steers a terminal or the order of a line is escaped",
    arguments: [
      "\u{0}", "\u{7}", "\u{8}", "\u{9}", "\u{A}", "\u{D}", "\u{1B}", "\u{7F}", "\u{80}", "\u{85}",
      "\u{9B}", "\u{9F}", "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}", "\u{202E}", "\u{2028}",
      "\u{2029}", "\u{2066}", "\u{2069}", "\u{E0041}",
    ])
  func steering(character: String) {
    let text: TerminalText = "\(character)"
    #expect(text.text.unicodeScalars.filter(\.steersText).isEmpty)
    #expect(text.text.hasPrefix("\\"))
  }

  @Test(
    "letters, marks and pictures of any script stay as they are",
    arguments: ["ключ", "😀👩‍👩‍👧", "نص", "क्‍ष", "a\\nb", "\u{A0}", "é"])
  func letters(text: String) {
    let shown: TerminalText = "\(text)"
    #expect(shown.text.utf8.elementsEqual(text.utf8))
  }

  @Test(
    "a payload of nothing but control characters is shown as a whole, however long it is",
    arguments: [
      ("\u{1}", "\\u{1}", "\\u0001"), ("\n", "\\n", "\\n"),
    ])
  func long(character: String, shown: String, inJSON: String) {
    let count = 4 << 20
    let text = PayloadText.line(Array(repeating: Array(character.utf8)[0], count: count)).text
    #expect(text == String(repeating: shown, count: count))
    let json = JSONValue.string(String(repeating: character, count: count)).text()
    #expect(json == "\"" + String(repeating: inJSON, count: count) + "\"")
  }

  @Test("a server's error cannot steer the terminal; its advice has a line of its own")
  func errors() throws {
    let failure = ClientFailure(
      status: RPCStatus(code: .unavailable, message: "no\u{1B}]0;title\u{7}\nerror: yes"),
      server: try ChannelTarget("127.0.0.1:7070"))
    let lines = failure.description.split(separator: "\n")
    #expect(lines.first == #"UNAVAILABLE: no\u{1b}]0;title\u{7}\nerror: yes"#)
    #expect(lines.count == 2)
  }

  @Test("an answer keeps its lines and tabs on a terminal, and nothing else that steers")
  func answers() {
    #expect(PayloadText.lines(Array("a\tb\n\u{1B}[1m".utf8)).text == "a\tb\n\\u{1b}[1m")
    #expect(PayloadText.lines([0xFF]) == "base64:/w==")
    #expect(PayloadText.line([]) == "(empty)")
  }

  @Test("JSON says exactly the same text, with nothing in it that steers")
  func json() {
    let text = "a\u{1B}\u{9B}\u{202E}\u{2028}é"
    #expect(JSONValue.string(text).text() == #""a\u001b\u009b\u202e\u2028é""#)
  }
}
