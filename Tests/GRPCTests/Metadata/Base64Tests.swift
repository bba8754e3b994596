import GRPC
import Testing

@Suite struct Base64Tests {
  @Test(
    "The vectors of RFC 4648 are written without padding and read with and without",
    arguments: [
      ("", "", ""), ("f", "Zg", "Zg=="), ("fo", "Zm8", "Zm8="), ("foo", "Zm9v", "Zm9v"),
      ("foob", "Zm9vYg", "Zm9vYg=="), ("fooba", "Zm9vYmE", "Zm9vYmE="),
      ("foobar", "Zm9vYmFy", "Zm9vYmFy"),
    ])
  func vectors(text: String, plain: String, padded: String) {
    #expect(Base64.encode(Array(text.utf8)) == plain)
    #expect(Base64.encodedCount(text.utf8.count) == plain.utf8.count)
    #expect(Base64.decode(Array(plain.utf8)) == Array(text.utf8))
    #expect(Base64.decode(Array(padded.utf8)) == Array(text.utf8))
  }

  @Test("All byte values survive")
  func roundTrip() {
    let bytes = (0...255).map { UInt8($0) }
    for length in 0...bytes.count {
      let part = Array(bytes[..<length])
      #expect(Base64.decode(Array(Base64.encode(part).utf8)) == part)
    }
  }

  @Test(
    "What is no base64 is nil",
    arguments: ["Z", "Zg=", "Zm9v=", "Zg===", "=", "Z g", "Zg=a", "Zm-_", "Zm9vY"])
  func broken(value: String) {
    #expect(Base64.decode(Array(value.utf8)) == nil)
  }
}
