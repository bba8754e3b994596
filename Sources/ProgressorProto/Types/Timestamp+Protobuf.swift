import CProgressorProto
import MachineModel

/// `google.protobuf.Timestamp`, narrowed to microseconds.
extension Timestamp: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Google__Protobuf__Timestamp>?) -> Void {
    google__protobuf__timestamp__init
  }

  /// Refuses times outside of the years 0001 to 9999 and nanos outside of a second, as
  /// google/protobuf/timestamp.proto does.
  init(_ message: Google__Protobuf__Timestamp) throws(ProtobufError) {
    guard (-62_135_596_800...253_402_300_799).contains(message.seconds) else {
      throw .invalid("seconds", "must lie in the years 0001 to 9999")
    }
    guard (0...999_999_999).contains(message.nanos) else {
      throw .invalid("nanos", "must be 0 to 999,999,999")
    }
    self.init(microseconds: message.seconds * 1_000_000 + Int64(message.nanos) / 1_000)
  }

  func fill(_ message: inout Google__Protobuf__Timestamp, in arena: inout ProtobufArena) {
    // Rounded down, because nanos count forward also before 1970.
    let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    message.seconds = rest < 0 ? seconds - 1 : seconds
    message.nanos = Int32(rest < 0 ? rest + 1_000_000 : rest) * 1_000
  }
}
