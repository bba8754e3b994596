import Testing

@testable import PostgreSQL

@Suite struct SQLArrayTests {
  @Test("An array is written as array_send writes it")
  func form() {
    var parameters = Parameters()
    parameters.appendArray([7 as Int32?, nil]) { $0 }
    #expect(
      parameters.buffer == [
        0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1,
        0, 0, 0, 4, 0, 0, 0, 7, 255, 255, 255, 255,
      ])
    #expect(parameters.types == [SQLType(identifier: 1007)])
  }

  @Test("Every prefix of an array is refused, none read beyond its end")
  func truncated() {
    var parameters = Parameters()
    parameters.appendArray(["one", "two"])
    for length in 0..<parameters.buffer.count {
      let bytes = Array(parameters.buffer[..<length])
      #expect(SQLArrayReader.elements(of: bytes.span.bytes, as: String.self) == nil)
    }
    #expect(
      SQLArrayReader.elements(of: parameters.buffer.span.bytes, as: String.self) == ["one", "two"])
  }

  @Test("A count beyond what the bytes can hold is refused before memory is taken")
  func hugeCount() {
    let bytes: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 127, 255, 255, 255, 0, 0, 0, 1]
    #expect(SQLArrayReader.elements(of: bytes.span.bytes, as: Int32.self) == nil)
  }

  @Test("An array of another type, or of two dimensions, is refused")
  func otherShape() {
    var parameters = Parameters()
    parameters.appendArray([1 as Int64])
    #expect(SQLArrayReader.elements(of: parameters.buffer.span.bytes, as: Int32.self) == nil)
    var twoDimensions = parameters.buffer
    twoDimensions[3] = 2
    #expect(SQLArrayReader.elements(of: twoDimensions.span.bytes, as: Int64.self) == nil)
  }

  @Test("Values of another length are refused")
  func otherLength() {
    let bytes: [UInt8] = [0, 0, 1]
    #expect(Int16(decoding: bytes.span.bytes) == nil)
    #expect(Int32(decoding: bytes.span.bytes) == nil)
    #expect(Int64(decoding: bytes.span.bytes) == nil)
    #expect(Double(decoding: bytes.span.bytes) == nil)
    #expect(Bool(decoding: bytes.span.bytes) == nil)
    #expect(SQLUUID(decoding: bytes.span.bytes) == nil)
    #expect(SQLTimestamp(decoding: bytes.span.bytes) == nil)
  }

  @Test("Text that is not UTF-8 is refused")
  func invalidText() {
    let bytes: [UInt8] = [0x61, 0xff]
    #expect(String(decoding: bytes.span.bytes) == nil)
  }
}
