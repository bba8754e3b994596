import MachineModel
import Testing

@testable import ProgressorProto

@Suite struct RequestValidationTests {
  private func refuses(
    _ path: String, _ problem: String, _ bytes: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      throws: ProtobufError.invalid(path: path, problem: problem), sourceLocation: sourceLocation
    ) { try CallRequest(decoding: bytes) }
  }

  @Test("Ids are 1 to 256 bytes without control characters")
  func ids() throws {
    refuses("namespace", "must not be empty", Wire.text(2, "i"))
    refuses("id", "must not be empty", Wire.text(1, "n"))
    refuses("id", "contains a control character", Wire.text(1, "n") + Wire.text(2, "a\nb"))
    refuses("id", "contains a control character", Wire.text(1, "n") + Wire.text(2, "a\u{7F}"))
    refuses(
      "id", "is longer than 256 bytes",
      Wire.text(1, "n") + Wire.text(2, String(repeating: "é", count: 128) + "x"))
    let longest = String(repeating: "é", count: 128)
    let request = try CallRequest(decoding: Wire.text(1, "n") + Wire.text(2, longest))
    #expect(request.machineID.id == longest)
  }

  @Test("An idempotency key is empty or an id")
  func idempotencyKeys() throws {
    #expect(try CallRequest(decoding: Wire.machineID + Wire.text(5, "")).idempotencyKey == nil)
    refuses(
      "idempotency_key", "contains a control character", Wire.machineID + Wire.text(5, "a\tb"))
  }

  @Test("A U+0000 does not end a text, it makes it invalid")
  func nul() {
    refuses("id", "contains U+0000", Wire.text(1, "n") + Wire.text(2, "a\0b"))
  }

  @Test(
    "What is not UTF-8 is no text",
    arguments: [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80],
    ])
  func invalidUTF8(bytes: [UInt8]) {
    refuses("id", "is not valid UTF-8", Wire.text(1, "n") + Wire.bytes(2, bytes))
  }

  @Test("A range with a negative number or an unknown direction is refused, naming the field")
  func ranges() {
    let minusOne = UInt64.max
    refuses(
      "history_range.after", "must not be negative",
      Wire.machineID + Wire.bytes(4, Wire.varint(1, minusOne)))
    refuses(
      "history_range.limit", "must not be negative",
      Wire.machineID + Wire.bytes(4, Wire.varint(2, minusOne)))
    refuses(
      "history_range.direction", "has an unknown value",
      Wire.machineID + Wire.bytes(4, Wire.varint(3, 3)))
  }

  @Test("A limit of 0 and no limit are two things; no direction is forward")
  func limitPresence() throws {
    let none = try CallRequest(decoding: Wire.machineID + Wire.bytes(4, []))
    #expect(none.historyRange == HistoryRange(after: 0, limit: nil, direction: .forward))
    let zero = try CallRequest(decoding: Wire.machineID + Wire.bytes(4, Wire.varint(2, 0)))
    #expect(zero.historyRange == HistoryRange(after: 0, limit: 0, direction: .forward))
  }

  @Test("A page size must not be negative, a status filter must be known")
  func list() {
    #expect(
      throws: ProtobufError.invalid(path: "page_size", problem: "must not be negative")
    ) { try ListRequest(decoding: Wire.text(1, "n") + Wire.varint(4, .max)) }
    #expect(
      throws: ProtobufError.invalid(path: "status_filter", problem: "has an unknown value")
    ) { try ListRequest(decoding: Wire.text(1, "n") + Wire.varint(2, 6)) }
  }

  @Test("Each kind of error becomes the status that clients are promised")
  func statuses() {
    let invalid = ProgressorError(ProtobufError.invalid(path: "id", problem: "must not be empty"))
    #expect(invalid == .invalidArgument(field: "id", "must not be empty"))
    #expect(ProgressorError(ProtobufError.malformed).code == .internal)
    let bomb = ProgressorError(ProtobufError.exhausted)
    #expect(bomb.code == .resourceExhausted)
    #expect(bomb.retryPushback == -1)
  }
}
