import MachineModel
import Testing

@testable import ProgressorJWT

@Suite("StrictJSON")
struct StrictJSONTests {
  @Test("Every kind of value")
  func values() {
    let text = #" {"a": [1, -0.5e1, true, false, null, "x\n\u00e9\ud83d\ude00"], "": {}} "#
    #expect(
      StrictJSON(text.utf8)
        == .object([
          "a": .array([
            .number(1), .number(-5), .bool(true), .bool(false), .null, .string("x\né😀"),
          ]),
          "": .object([:]),
        ]))
  }

  @Test("Names are compared by their bytes")
  func names() {
    let json = StrictJSON("{\"\u{E9}\": 1, \"e\u{301}\": 2}".utf8)
    #expect(json?["\u{E9}"] == .number(1) && json?["e\u{301}"] == .number(2))
  }

  @Test(
    "What is none",
    arguments: [
      "", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01x", "1.", ".5", "+1", "1e", "nul", "\"\\x\"",
      "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\"a", "1 2", "1e999",
      "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "NaN", "\u{FEFF}1",
    ])
  func wrong(text: String) {
    #expect(StrictJSON(text.utf8) == nil)
  }

  @Test("Bytes that are no UTF-8, and nesting without end")
  func hostile() {
    #expect(StrictJSON([0x22, 0xC3, 0x22]) == nil)
    #expect(StrictJSON([UInt8](repeating: UInt8(ascii: "["), count: 100_000)) == nil)
    let deep = String(repeating: "[", count: 16) + String(repeating: "]", count: 16)
    #expect(StrictJSON(deep.utf8) != nil && StrictJSON("[\(deep)]".utf8) == nil)
  }

  @Test("Base64url has one text for each sequence of bytes")
  func base64() {
    #expect(Base64URL.decoded("".utf8) == [])
    #expect(Base64URL.decoded("-_8".utf8) == [0xFB, 0xFF])
    for text in ["-_9", "A", "AA=", "+/8", "A A", "AAA\n", "AAAAA"] {
      #expect(Base64URL.decoded(text.utf8) == nil, "\(text)")
    }
  }
}
