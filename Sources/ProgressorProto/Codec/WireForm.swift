import CProgressorProto
import CProtobufC

/// Brings messages into a form that protobuf-c 1.4 reads as protobuf demands.
///
/// A singular message that comes several times is the merge of all: the same as one message of all
/// their bytes. protobuf-c loses numbers of the earlier ones, and fails when a oneof is set in
/// none. And it fails at groups, which are to be skipped as any field that is not known.
enum WireForm {
  typealias Descriptor = UnsafePointer<ProtobufCMessageDescriptor>

  /// The message in other bytes; nil if these will do, and if they are no protobuf.
  static func rewritten(_ bytes: UnsafeRawBufferPointer, as type: Descriptor) -> [UInt8]? {
    guard needsRewriting(bytes, as: type) else { return nil }
    return rewrite(bytes, as: type)
  }

  private static func needsRewriting(
    _ bytes: UnsafeRawBufferPointer, as type: Descriptor
  ) -> Bool {
    var fields = WireFields(bytes)
    // One bit for each field of the type; a test holds that no type has more than 64.
    var seen: UInt64 = 0
    while let field = fields.next() {
      switch field.kind {
      case .scalar:
        break
      case .group:
        return true
      case .payload(let range):
        guard let known = Message(field.number, of: type) else { continue }
        if !known.isRepeated {
          let bit: UInt64 = 1 << UInt64(known.index)
          if seen & bit != 0 { return true }
          seen |= bit
        }
        if needsRewriting(UnsafeRawBufferPointer(rebasing: bytes[range]), as: known.type) {
          return true
        }
      }
    }
    return false
  }

  /// Nil if it is no protobuf. The depth is that of the type, which has a bound.
  private static func rewrite(
    _ bytes: UnsafeRawBufferPointer, as type: Descriptor
  ) -> [UInt8]? {
    var fields = WireFields(bytes)
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var merged: [(known: Message, bytes: [UInt8])] = []
    while let field = fields.next() {
      // The last member of a oneof counts: the others are gone.
      if let oneof = oneof(field.number, of: type) {
        merged.removeAll { $0.known.oneof == oneof && $0.known.number != field.number }
      }
      switch field.kind {
      case .group:
        continue
      case .payload(let range):
        guard let known = Message(field.number, of: type) else { break }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[range])
        if known.isRepeated {
          guard let inner = rewrite(payload, as: known.type) else { return nil }
          append(inner, as: field.number, to: &output)
        } else if let index = merged.firstIndex(where: { $0.known.number == field.number }) {
          merged[index].bytes += payload
        } else {
          merged.append((known, Array(payload)))
        }
        continue
      case .scalar:
        break
      }
      output += bytes[field.whole]
    }
    guard !fields.isMalformed else { return nil }
    for (known, bytes) in merged {
      guard let inner = bytes.withUnsafeBytes({ rewrite($0, as: known.type) }) else { return nil }
      append(inner, as: known.number, to: &output)
    }
    return output
  }

  private static func append(_ payload: [UInt8], as number: UInt32, to output: inout [UInt8]) {
    appendVarint(UInt64(number) << 3 | 2, to: &output)
    appendVarint(UInt64(payload.count), to: &output)
    output += payload
  }

  private static func appendVarint(_ value: UInt64, to output: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(rest))
  }

  private static func field(
    _ number: UInt32, of type: Descriptor
  ) -> UnsafePointer<ProtobufCFieldDescriptor>? {
    protobuf_c_message_descriptor_get_field(type, number)
  }

  /// The oneof that a field is a member of, named by the place of its case; nil = of none.
  private static func oneof(_ number: UInt32, of type: Descriptor) -> UInt32? {
    guard let field = field(number, of: type)?.pointee,
      field.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
    else { return nil }
    return field.quantifier_offset
  }

  /// A field of a type that holds messages.
  private struct Message {
    let number: UInt32
    let index: Int
    let isRepeated: Bool
    let type: Descriptor
    let oneof: UInt32?

    /// Nil if the type has no such field, or one of another kind.
    init?(_ number: UInt32, of type: Descriptor) {
      guard let field = WireForm.field(number, of: type),
        field.pointee.type == PROTOBUF_C_TYPE_MESSAGE, let inner = field.pointee.descriptor
      else { return nil }
      self.number = number
      index = field - type.pointee.fields
      isRepeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
      self.type = Descriptor(inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self))
      oneof = WireForm.oneof(number, of: type)
    }
  }
}
