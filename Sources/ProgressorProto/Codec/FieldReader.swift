/// Walks over the fields of one encoded message without knowing its type.
///
/// Only for descriptors that are part of the program: what comes from outside goes through
/// protobuf-c. Source: protobuf.dev, Encoding.
struct FieldReader: IteratorProtocol, Sequence {
  struct Field {
    var number: Int
    /// The payload of a string, bytes or message; empty for other fields.
    var payload: ArraySlice<UInt8>
    /// The field as it is encoded, with its tag.
    var encoded: ArraySlice<UInt8>

    var text: String { String(decoding: payload, as: UTF8.self) }
  }

  private var rest: ArraySlice<UInt8>

  init(_ message: ArraySlice<UInt8>) { self.rest = message }

  /// The next field; nil at the end, and at the first byte that is no field.
  mutating func next() -> Field? {
    let message = rest
    guard let tag = varint(), let payload = payload(ofType: tag & 7) else { return nil }
    return Field(
      number: tag >> 3, payload: payload, encoded: message.prefix(message.count - rest.count))
  }

  private mutating func payload(ofType type: Int) -> ArraySlice<UInt8>? {
    switch type {
    case 0: return varint() == nil ? nil : []
    case 1: return skip(8) ? [] : nil
    case 2:
      guard let length = varint(), length <= rest.count else { return nil }
      defer { rest = rest.dropFirst(length) }
      return rest.prefix(length)
    case 5: return skip(4) ? [] : nil
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
