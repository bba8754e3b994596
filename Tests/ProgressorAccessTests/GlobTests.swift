import ProgressorAccess
import Testing

@Suite("Glob")
struct GlobTests {
  @Test(
    "Stars are runs, question marks one character, everything else itself",
    arguments: [
      ("pay", "pay", true), ("pay", "pays", false), ("pay", "pa", false), ("pay", "Pay", false),
      ("*", "", true), ("*", "anything/at all", true), ("**", "x", true), ("?", "", false),
      ("?", "é", true), ("?", "e\u{301}", false), ("??", "e\u{301}", true), ("a?c", "abc", true),
      ("team-*", "team-", true), ("team-*", "team-a-b", true), ("team-*", "xteam-a", false),
      ("*-test", "a-test-test", true), ("*-test", "a-test-", false), ("a*b*c", "abxbxcc", true),
      ("a*b*c", "acb", false), ("*a*", "bab", true), ("*ab*", "aab", true), ("*aab", "aaab", true),
      (#"\*"#, "*", true), (#"\*"#, "x", false), (#"\\"#, #"\"#, true), (#"\[a\]"#, "[a]", true),
      ("a?*", "a", false), ("a?*", "ab", true), ("*?a", "a", false),
      ("\u{1F600}*", "\u{1F600}x", true),
    ])
  func meaning(pattern: String, text: String, matches: Bool) throws {
    #expect(try Glob(pattern).matches(text) == matches)
  }

  @Test("Names that look alike are different, in matching and in comparing patterns")
  func lookalikes() throws {
    let composed = try Glob("caf\u{E9}")
    let decomposed = try Glob("cafe\u{301}")
    #expect(composed.matches("caf\u{E9}") && !composed.matches("cafe\u{301}"))
    #expect(decomposed.matches("cafe\u{301}") && !decomposed.matches("caf\u{E9}"))
    #expect(composed != decomposed)
    #expect(try Glob("cafe*").matches("cafe\u{301}"))
    #expect(try !Glob("\u{212B}").matches("\u{C5}"))
    #expect(try Glob("a\r\nb".filter { $0 != "\r\n" }).matches("ab"))
  }

  @Test(
    "What would be half understood is refused",
    arguments: ["", "a[bc]", "{a,b}", "a]", "a\\", "a\u{0}b", "a\nb", "a\u{7F}"])
  func refused(pattern: String) {
    #expect(throws: Glob.Invalid.self) { try Glob(pattern) }
  }

  @Test("A pattern has 512 bytes at most")
  func size() throws {
    #expect(
      try Glob(String(repeating: "\\*", count: 256)).matches(String(repeating: "*", count: 256)))
    #expect(throws: Glob.Invalid.self) { try Glob(String(repeating: "a", count: 513)) }
    #expect(throws: Glob.Invalid.self) { try Glob(String(repeating: "*", count: 5_120)) }
  }

  @Test("What makes other matchers try for ever costs as much as anything else")
  func hostile() throws {
    // A matcher that goes back over each star would not end.
    let stars = try Glob(String(repeating: "*a", count: 255) + "b")
    let text = String(repeating: "a", count: 1 << 16)
    #expect(!stars.matches(text))
    #expect(stars.matches(text + "b"))
    let questions = try Glob("*" + String(repeating: "?", count: 500) + "b*")
    #expect(!questions.matches(text))
    #expect(try Glob("*a\u{301}*").matches(text) == false)
  }

  @Test("It says the same as the definition, for every short pattern and text")
  func definition() throws {
    func words(_ letters: [String], upTo length: Int) -> [String] {
      guard length > 0 else { return [""] }
      let shorter = words(letters, upTo: length - 1)
      return [""] + shorter.flatMap { word in letters.map { $0 + word } }
    }
    func means(_ pattern: Substring, _ text: Substring) -> Bool {
      guard let first = pattern.first else { return text.isEmpty }
      if first == "*" {
        return means(pattern.dropFirst(), text)
          || !text.isEmpty && means(pattern, text.dropFirst())
      }
      guard let letter = text.first, first == "?" || first == letter else { return false }
      return means(pattern.dropFirst(), text.dropFirst())
    }
    let texts = Set(words(["a", "b"], upTo: 5))
    for pattern in Set(words(["a", "b", "*", "?"], upTo: 4)) where !pattern.isEmpty {
      let glob = try Glob(pattern)
      for text in texts {
        #expect(glob.matches(text) == means(pattern[...], text[...]), "\(pattern) of \(text)")
      }
    }
  }

  @Test("Only runs alone stand for everything")
  func everything() throws {
    #expect(try Glob("*").matchesEverything && Glob("***").matchesEverything)
    for pattern in ["?", "a", "*?", "a*", "*a", #"\*"#, String(repeating: "?", count: 64)] {
      #expect(try !Glob(pattern).matchesEverything, "\(pattern)")
    }
  }

  @Test("Places beyond the first word of bits are found", arguments: [63, 64, 65, 127, 128, 129])
  func borders(length: Int) throws {
    let run = String(repeating: "a", count: length)
    #expect(try Glob(run).matches(run))
    #expect(try !Glob(run).matches(run + "a") && !Glob(run).matches(String(run.dropLast())))
    #expect(try Glob(run + "*b").matches(run + "xxb"))
    #expect(try Glob("*" + run + "?").matches(run + run + "b"))
  }
}
