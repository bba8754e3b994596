import MachineModel

/// JSON (RFC 8259) that is written from front to back into bytes, without any space: for what is
/// large, or much. Commas are set where they belong; that each member has a name is the caller's.
public struct JSONWriter: Sendable {
  /// What is written so far.
  public private(set) var bytes: [UInt8] = []
  /// Whether a value stands before what comes next, beside it.
  private var followsValue = false

  public init() {}

  /// Writes an object; `members` writes what is in it.
  public mutating func object(_ members: (inout JSONWriter) -> Void) {
    nest("{", "}", members)
  }

  /// Writes an array; `elements` writes what is in it.
  public mutating func array(_ elements: (inout JSONWriter) -> Void) {
    nest("[", "]", elements)
  }

  /// Writes a member of the object that is being written; `value` writes what it holds.
  public mutating func member(_ name: String, _ value: (inout JSONWriter) -> Void) {
    separate()
    JSONWriter.append(name, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    followsValue = false
    value(&self)
  }

  /// Writes a member that holds a text.
  public mutating func member(_ name: String, _ text: String) {
    member(name) { $0.string(text) }
  }

  /// Writes a text. What would steer a terminal or the order of a line is escaped, beside what has
  /// to be.
  public mutating func string(_ text: String) {
    separate()
    JSONWriter.append(text, to: &bytes)
    followsValue = true
  }

  /// Writes a number.
  public mutating func number(_ number: Int32) {
    separate()
    bytes += String(number).utf8
    followsValue = true
  }

  /// Writes bytes as protobuf's JSON form has them: as a text in base64.
  public mutating func base64(_ payload: [UInt8]) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    PaddedBase64.append(payload, to: &bytes)
    bytes.append(UInt8(ascii: "\""))
    followsValue = true
  }

  /// Takes back what was written behind the first `count` bytes, which end with a value.
  public mutating func removeAll(behind count: Int) {
    bytes.removeLast(bytes.count - count)
    followsValue = true
  }

  private mutating func nest(
    _ opening: Unicode.Scalar, _ closing: Unicode.Scalar, _ content: (inout JSONWriter) -> Void
  ) {
    separate()
    bytes.append(UInt8(ascii: opening))
    followsValue = false
    content(&self)
    bytes.append(UInt8(ascii: closing))
    followsValue = true
  }

  private mutating func separate() {
    if followsValue { bytes.append(UInt8(ascii: ",")) }
  }
}

extension JSONWriter {
  /// A text as JSON has it, with its quotes.
  static func quoted(_ text: String) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count + 2)
    append(text, to: &result)
    return String(decoding: result, as: UTF8.self)
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": bytes += "\\\"".utf8
      case "\\": bytes += "\\\\".utf8
      case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      case "\n": bytes += "\\n".utf8
      case "\r": bytes += "\\r".utf8
      case "\t": bytes += "\\t".utf8
      case _ where scalar.steersText:
        for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
          appendEscape(unit, to: &bytes)
        }
      default: bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// RFC 8259 section 7: four digits, and twelve for what is beyond the Basic Multilingual Plane.
  private static func appendEscape(_ unit: UInt16, to bytes: inout [UInt8]) {
    let digits = String(unit, radix: 16)
    bytes += "\\u".utf8
    bytes += repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count)
    bytes += digits.utf8
  }
}
