/// Walks over the fields of an encoded message without knowing its type, as protobuf-c does before
/// it decodes (protobuf.dev, Encoding). Nothing is copied.
struct WireFields {
  struct Field {
    var number: UInt32
    var kind: Kind
    /// The field with its tag.
    var whole: Range<Int>
  }

  enum Kind {
    /// A number, of whatever form.
    case scalar
    /// A string, bytes, packed numbers or a message, in this range.
    case payload(Range<Int>)
    /// A group. proto3 has none, so it is a field that is not known.
    case group
  }

  /// How deep groups may be nested: protobuf's own limit.
  private static let maximumDepth = 100

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  /// Whether the walk ended at something that is no field.
  private(set) var isMalformed = false

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next field; nil at the end, and at what is no field.
  mutating func next() -> Field? {
    guard offset < bytes.count, !isMalformed else { return nil }
    let start = offset
    guard let tag = varint(), let number = Self.number(tag), let kind = kind(tag & 7, number)
    else {
      isMalformed = true
      return nil
    }
    return Field(number: number, kind: kind, whole: start..<offset)
  }

  private mutating func kind(_ wireType: UInt64, _ number: UInt32) -> Kind? {
    switch wireType {
    case 2:
      guard let length = varint(), length <= UInt64(bytes.count - offset) else { return nil }
      let start = offset
      offset += Int(length)
      return .payload(start..<offset)
    case 3:
      return skipGroup(number) ? .group : nil
    default:
      return skipScalar(wireType) ? .scalar : nil
    }
  }

  /// Goes to the end of a group, over those in it: an end names the group that it ends.
  private mutating func skipGroup(_ number: UInt32) -> Bool {
    var open = [number]
    while let innermost = open.last {
      guard let tag = varint(), let number = Self.number(tag) else { return false }
      switch tag & 7 {
      case 2:
        guard let length = varint(), length <= UInt64(bytes.count - offset) else { return false }
        offset += Int(length)
      case 3:
        guard open.count < Self.maximumDepth else { return false }
        open.append(number)
      case 4:
        guard number == innermost else { return false }
        open.removeLast()
      default:
        guard skipScalar(tag & 7) else { return false }
      }
    }
    return true
  }

  private mutating func skipScalar(_ wireType: UInt64) -> Bool {
    switch wireType {
    case 0: return varint() != nil
    case 1: return skip(8)
    case 5: return skip(4)
    default: return false
    }
  }

  private mutating func skip(_ count: Int) -> Bool {
    guard bytes.count - offset >= count else { return false }
    offset += count
    return true
  }

  private static func number(_ tag: UInt64) -> UInt32? {
    let number = tag >> 3
    return (1...0x1fff_ffff).contains(number) ? UInt32(number) : nil
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while offset < bytes.count, shift < 70 {
      let byte = bytes[offset]
      offset += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}
