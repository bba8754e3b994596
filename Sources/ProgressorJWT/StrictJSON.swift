internal import MachineModel

/// A JSON text of somebody unknown, as RFC 8259 has it and not a byte more.
///
/// What parsers read in different ways is refused: a name that an object has twice, halves of
/// surrogate pairs, bytes that are no UTF-8, anything behind the value. Names are compared byte by
/// byte.
enum StrictJSON: Sendable, Hashable {
  case null
  case bool(Bool)
  /// Never infinite.
  case number(Double)
  case string(String)
  case array([StrictJSON])
  case object([ExactText: StrictJSON])

  /// How deep arrays and objects may stand in each other: keys and claims need three.
  static let maximumDepth = 16

  /// Reads all of the bytes; nil = they are no such text.
  init?(_ bytes: some Collection<UInt8>) {
    var reader = JSONReader(Array(bytes))
    guard let value = reader.document() else { return nil }
    self = value
  }

  /// The member of an object; nil also for anything else.
  subscript(_ name: ExactText) -> StrictJSON? {
    if case .object(let members) = self { members[name] } else { nil }
  }

  /// The text of a string.
  var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The texts of an array that has nothing but strings.
  var texts: [String]? {
    guard case .array(let elements) = self else { return nil }
    let texts = elements.compactMap(\.text)
    return texts.count == elements.count ? texts : nil
  }
}

/// Goes through the bytes once. Every function answers nil for what is no JSON.
private struct JSONReader {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() -> StrictJSON? {
    guard let value = value(depth: 0) else { return nil }
    skipSpace()
    return place == bytes.count ? value : nil
  }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      place += 1
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func value(depth: Int) -> StrictJSON? {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return depth < StrictJSON.maximumDepth ? object(depth: depth) : nil
    case UInt8(ascii: "["): return depth < StrictJSON.maximumDepth ? array(depth: depth) : nil
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "n"): return word("null", .null)
    case UInt8(ascii: "t"): return word("true", .bool(true))
    case UInt8(ascii: "f"): return word("false", .bool(false))
    default: return number()
    }
  }

  private mutating func word(_ word: String, _ value: StrictJSON) -> StrictJSON? {
    guard bytes[place...].starts(with: word.utf8) else { return nil }
    place += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) -> StrictJSON? {
    place += 1
    var members: [ExactText: StrictJSON] = [:]
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard let name = string() else { return nil }
      skipSpace()
      guard take(":"), let value = value(depth: depth + 1),
        members.updateValue(value, forKey: ExactText(name)) == nil
      else { return nil }
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { return nil }
    }
  }

  private mutating func array(depth: Int) -> StrictJSON? {
    place += 1
    var elements: [StrictJSON] = []
    skipSpace()
    if take("]") { return .array(elements) }
    while true {
      guard let element = value(depth: depth + 1) else { return nil }
      elements.append(element)
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { return nil }
    }
  }

  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    var text: [UInt8] = []
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        text += Array(String(scalar).utf8)
      case ..<0x20: return nil
      default: text.append(byte)
      }
    }
    return nil
  }

  /// What follows a `\`.
  private mutating func escape() -> Unicode.Scalar? {
    guard let byte = next else { return nil }
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return escapedScalar()
    default: return nil
    }
  }

  private mutating func escapedScalar() -> Unicode.Scalar? {
    guard let first = unit() else { return nil }
    guard (0xD800...0xDBFF).contains(first) else { return Unicode.Scalar(first) }
    guard take("\\"), take("u"), let second = unit(), (0xDC00...0xDFFF).contains(second) else {
      return nil
    }
    return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
  }

  /// Four hexadecimal digits.
  private mutating func unit() -> UInt32? {
    guard bytes.count - place >= 4 else { return nil }
    var unit: UInt32 = 0
    for byte in bytes[place..<place + 4] {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): unit = unit << 4 + UInt32(byte - 0x30)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): unit = unit << 4 + UInt32(byte - 0x57)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): unit = unit << 4 + UInt32(byte - 0x37)
      default: return nil
      }
    }
    place += 4
    return unit
  }

  private mutating func number() -> StrictJSON? {
    let start = place
    _ = take("-")
    guard take("0") || digits() else { return nil }
    if take("."), !digits() { return nil }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard digits() else { return nil }
    }
    guard let text = String(validating: bytes[start..<place], as: UTF8.self),
      let number = Double(text), number.isFinite
    else { return nil }
    return .number(number)
  }

  /// One digit at least.
  private mutating func digits() -> Bool {
    let start = place
    while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
    return place > start
  }
}
