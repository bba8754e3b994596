import CProgressorProto

/// `google.protobuf.Duration`, narrowed to microseconds.
struct ProtobufDuration: CRepresentable {
  var microseconds: Int64

  init(microseconds: Int64) { self.microseconds = microseconds }

  static var initialize: (UnsafeMutablePointer<Google__Protobuf__Duration>?) -> Void {
    google__protobuf__duration__init
  }

  /// Refuses durations beyond 10,000 years and nanos that are a second or have another sign than
  /// the seconds, as google/protobuf/duration.proto does.
  init(_ message: Google__Protobuf__Duration) throws(ProtobufError) {
    let (seconds, nanos) = (message.seconds, message.nanos)
    guard (-315_576_000_000...315_576_000_000).contains(seconds) else {
      throw .invalid("seconds", "must be within 315,576,000,000 of 0")
    }
    guard (-999_999_999...999_999_999).contains(nanos) else {
      throw .invalid("nanos", "must be within 999,999,999 of 0")
    }
    if (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0) {
      throw .invalid("nanos", "must have the sign of seconds")
    }
    self.microseconds = seconds * 1_000_000 + Int64(nanos) / 1_000
  }

  func fill(_ message: inout Google__Protobuf__Duration, in arena: inout ProtobufArena) {
    let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    message.seconds = seconds
    message.nanos = Int32(rest) * 1_000
  }

  /// The microseconds of a field that may be absent and must be at least `minimum`.
  static func read(
    _ message: UnsafeMutablePointer<Google__Protobuf__Duration>?, _ field: String,
    atLeast minimum: Int64
  ) throws(ProtobufError) -> Int64? {
    guard let duration = try read(message, field) else { return nil }
    guard duration.microseconds >= minimum else {
      throw .invalid(field, minimum > 0 ? "must be positive" : "must not be negative")
    }
    return duration.microseconds
  }
}

extension ProtobufArena {
  /// The struct of a duration in microseconds, nil for nil.
  mutating func make(
    microseconds: Int64?
  ) -> UnsafeMutablePointer<Google__Protobuf__Duration>? {
    make(microseconds.map(ProtobufDuration.init(microseconds:)))
  }
}
