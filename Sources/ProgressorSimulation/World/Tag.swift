/// A number written at the front of a payload, by which the checkers recognise it in the database,
/// in an invocation and in a reply.
enum Tag {
  static let size = 8

  static func bytes(_ number: UInt64, padding: Int = 0) -> [UInt8] {
    var bytes = [UInt8](repeating: 0x2e, count: size + padding)
    for index in 0..<size {
      bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))
    }
    return bytes
  }

  /// nil = there is none.
  static func number(in bytes: [UInt8]) -> UInt64? {
    guard bytes.count >= size else { return nil }
    var number: UInt64 = 0
    for index in 0..<size { number |= UInt64(bytes[index]) << (8 * UInt64(index)) }
    return number
  }

  /// Who asks in the request with this number; nil = somebody without an identity.
  static func principal(of number: UInt64) -> String? {
    let number = number & ~ofStart
    return number % 4 == 0 ? nil : "client \(number)"
  }

  /// The number of the start that goes before what a request wants of its machine.
  static func start(before number: UInt64) -> UInt64 { number | ofStart }

  /// It is that of such a start: under a key a request may start its machine again that was
  /// removed.
  static func isOfStart(_ number: UInt64) -> Bool { number & ofStart != 0 }

  private static let ofStart: UInt64 = 1 << 48

  /// The number of what a processor's answer sends: the answer's, and its place in it, below 256.
  static func message(_ place: Int, of answer: Int) -> UInt64 {
    ofMessage | UInt64(answer) << 8 | UInt64(place)
  }

  static func isOfMessage(_ number: UInt64) -> Bool { number & ofMessage != 0 }

  private static let ofMessage: UInt64 = 1 << 50

  static func principal(in bytes: [UInt8]) -> String? {
    number(in: bytes).flatMap { principal(of: $0) }
  }
}
