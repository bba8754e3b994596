import ProgressorProto
import Testing

@Suite("JSON as text")
struct JSONTextTests {
  @Test("what would break a string is escaped, the rest stays as it is")
  func strings() {
    #expect(
      JSONValue.string("\"\\\n\r\t\u{1}\u{7F} ключ 🔑\u{E0041}").text()
        == #""\"\\\n\r\t\u0001\u007f ключ 🔑\udb40\udc41""#)
  }

  @Test("members stand in their order, absent ones are left out")
  func members() {
    let value = JSONValue.members([
      "b": .int64(1), "a": .array([.bool(true), .int32(2)]), "none": nil, "c": .object([]),
    ])
    #expect(
      value.text() == """
        {
          "b": "1",
          "a": [
            true,
            2
          ],
          "c": {}
        }
        """)
  }

  @Test("on one line nothing stands between")
  func line() {
    let value = JSONValue.members(["b": .array([.bool(false), .number("1.5")]), "a": .object([])])
    #expect(value.line == #"{"b":[false,1.5],"a":{}}"#)
  }
}

@Suite("JSON as bytes")
struct JSONWriterTests {
  @Test("values stand with commas in between, wherever they are")
  func nesting() {
    var json = JSONWriter()
    json.array { json in
      json.number(-1)
      json.object { json in
        json.member("a", "\"x\"")
        json.member("é\n") { $0.array { _ in } }
        json.member("b") { $0.object { $0.member("c") { $0.base64([1]) } } }
      }
      json.string("\u{2028}")
      json.object { _ in }
    }
    #expect(
      String(decoding: json.bytes, as: UTF8.self)
        == #"[-1,{"a":"\"x\"","é\n":[],"b":{"c":"AQ=="}},"\u2028",{}]"#)
  }

  @Test("what is taken back is as if it had not been written")
  func takenBack() {
    var json = JSONWriter()
    json.array { json in
      json.number(1)
      let end = json.bytes.count
      json.string("two")
      json.removeAll(behind: end)
      json.number(3)
    }
    #expect(String(decoding: json.bytes, as: UTF8.self) == "[1,3]")
  }
}

@Suite("Base64 with its padding")
struct PaddedBase64Tests {
  @Test(
    "it is the one of RFC 4648, both ways",
    arguments: [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
      ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
  func vectors(text: String, encoded: String) {
    #expect(PaddedBase64.encoded(Array(text.utf8)) == encoded)
    #expect(PaddedBase64.decoded(encoded) == Array(text.utf8))
  }

  @Test("every byte has its digits, behind what is there already")
  func allBytes() {
    let bytes = Array(UInt8.min...UInt8.max)
    var output: [UInt8] = [0x21]
    PaddedBase64.append(bytes, to: &output)
    #expect(output.first == 0x21)
    #expect(PaddedBase64.decoded(String(decoding: output.dropFirst(), as: UTF8.self)) == bytes)
  }

  @Test(
    "other texts are none: each row of bytes has one",
    arguments: [
      "Z", "Zg", "Zg=", "Zh==", "Zm9=", "=", "====", "Z===", "Zg==Zg==", "Zg= =", "Zm9v\n",
      " Zm9v", "Zm-_", "Zm9é", "Z=g=",
    ])
  func refused(text: String) {
    #expect(PaddedBase64.decoded(text) == nil)
  }
}
