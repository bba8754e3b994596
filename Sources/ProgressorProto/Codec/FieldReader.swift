/// Walks over the fields of one encoded message without knowing its type.
///
/// Only for descriptors that are part of the program: what comes from outside goes through
/// protobuf-c. Source: protobuf.dev, Encoding.
struct FieldReader: IteratorProtocol, Sequence {
  struct Field {
    var number: Int
    /// The payload of a string, bytes or message; empty for other fields.
    var payload: ArraySlice<UInt8>

    var text: String { String(decoding: payload, as: UTF8.self) }
  }

  private var rest: ArraySlice<UInt8>

  init(_ message: ArraySlice<UInt8>) { self.rest = message }

  /// The next field; nil at the end, and at the first byte that is no field.
  mutating func next() -> Field? {
    guard let tag = varint() else { return nil }
    var field = Field(number: tag >> 3, payload: [])
    switch tag & 7 {
    case 0: return varint() == nil ? nil : field
    case 1: return skip(8) ? field : nil
    case 2:
      guard let length = varint(), length <= rest.count else { return nil }
      field.payload = rest.prefix(length)
      rest = rest.dropFirst(length)
      return field
    case 5: return skip(4) ? field : nil
    default: return nil
    }
  }

  private mutating func skip(_ count: Int) -> Bool {
    guard rest.count >= count else { return false }
    rest = rest.dropFirst(count)
    return true
  }

  private mutating func varint() -> Int? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let byte = rest.popFirst(), shift < 64 {
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return Int(exactly: value) ?? Int.max }
      shift += 7
    }
    return nil
  }
}
