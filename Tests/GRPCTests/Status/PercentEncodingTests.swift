import GRPC
import Testing

@Suite struct PercentEncodingTests {
  @Test(
    "Bytes outside 0x20–0x7E, the percent sign and outer spaces are escaped in upper case",
    arguments: [
      ("plain text ~", "plain text ~"), ("100%", "100%25"), ("a\tb\r\nc", "a%09b%0D%0Ac"),
      ("ü", "%C3%BC"), ("😈", "%F0%9F%98%88"), ("", ""), ("\u{7F}", "%7F"),
      ("  a b  ", "%20 a b %20"), (" ", "%20"), (" %", "%20%25"),
    ])
  func encode(message: String, value: String) {
    #expect(PercentEncoding.encode(message) == value)
    #expect(PercentEncoding.decode(Array(value.utf8)) == message)
  }

  @Test(
    "A broken escape stays as it is",
    arguments: ["%", "%4", "a%zz", "%%41", "100% sure", "%G1", "end%"])
  func brokenEscape(value: String) {
    let expected = value == "%%41" ? "%A" : value
    #expect(PercentEncoding.decode(Array(value.utf8)) == expected)
  }

  @Test("Bytes that are no UTF-8 become replacement characters, escaped or not")
  func invalidUTF8() {
    #expect(PercentEncoding.decode(Array("a%FFb".utf8)) == "a\u{FFFD}b")
    #expect(PercentEncoding.decode([0x61, 0xFF, 0x62]) == "a\u{FFFD}b")
  }

  @Test("Lower-case escapes are read, too")
  func lowerCase() {
    #expect(PercentEncoding.decode(Array("%c3%bc".utf8)) == "ü")
  }
}
