import Testing

@testable import ProgressorProto

/// A name is found in a message that cannot be used.
@Suite struct EncodedTextTests {
  private func text(_ path: [UInt32], _ bytes: [UInt8]) -> String? {
    bytes.withUnsafeBytes { EncodedText.text(at: path, of: $0) }
  }

  private func field(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(payload.count)] + payload
  }

  @Test("It is the last of its fields, whatever stands around it")
  func last() {
    var bytes = field(2, [0xff]) + field(1, Array("a".utf8))
    bytes += [0x18, 7] + field(1, Array("b".utf8))
    #expect(text([1], bytes) == "b")
    #expect(text([2], bytes) == nil)
    #expect(text([3], bytes) == nil)
    #expect(text([], bytes) == nil)
  }

  @Test("Messages that stand several times are one")
  func merged() {
    let named = field(1, Array("a".utf8))
    let bytes = field(2, named) + field(2, field(3, [1]))
    #expect(text([2, 1], bytes) == "a")
    #expect(text([2, 3], bytes) == "\u{1}")
    #expect(text([1, 1], bytes) == nil)
  }

  @Test("What is cut off is not found, and what stands before it is")
  func malformed() {
    let bytes = field(1, Array("a".utf8)) + [0x0a, 9, 0x62]
    #expect(text([1], bytes) == "a")
    #expect(text([1], [0x0a, 9, 0x62]) == nil)
    #expect(text([1], [0xff, 0xff]) == nil)
  }
}
