/// JSON that was read (RFC 8259). Objects keep the order of their members and have each name once.
indirect enum JSONTree: Hashable {
  case object([Member])
  case array([JSONTree])
  case string(String)
  /// As it was written.
  case number(String)
  case bool(Bool)
  case null

  struct Member: Hashable {
    let name: String
    let value: JSONTree
  }
}

/// Reads one JSON text, strictly: what is wrong with it is told with its place.
struct JSONReader {
  /// Where and why the text is no JSON.
  struct Failure: Error {
    let what: String
    /// Bytes before it.
    let offset: Int
  }

  private static let maximumDepth = 32

  private let bytes: ArraySlice<UInt8>
  private var place: Int

  private init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    place = bytes.startIndex
  }

  static func read(_ bytes: ArraySlice<UInt8>) throws(Failure) -> JSONTree {
    var reader = JSONReader(bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.next == nil else { throw reader.failure("something stands behind its end") }
    return value
  }

  private var next: UInt8? { place < bytes.endIndex ? bytes[place] : nil }

  private func failure(_ what: String) -> Failure {
    Failure(what: what, offset: place - bytes.startIndex)
  }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      place += 1
    }
  }

  private mutating func take(_ character: Character) -> Bool {
    guard let byte = next, byte == character.asciiValue else { return false }
    place += 1
    return true
  }

  private mutating func expect(_ character: Character) throws(Failure) {
    skipSpace()
    guard take(character) else { throw failure("`\(character)` is missing") }
  }

  private mutating func value(depth: Int) throws(Failure) -> JSONTree {
    guard depth < Self.maximumDepth else { throw failure("it is nested too deeply") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw failure("it ends too early")
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSONTree) throws(Failure) -> JSONTree {
    guard bytes[place...].starts(with: word.utf8) else { throw failure("a value is missing") }
    place += word.utf8.count
    return value
  }

  private mutating func number() throws(Failure) -> JSONTree {
    let start = place
    while let byte = next, Self.isOfNumber(byte) { place += 1 }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    guard Double(text) != nil, text.utf8.first != UInt8(ascii: "+") else {
      place = start
      throw failure("a value is missing")
    }
    return .number(text)
  }

  private static func isOfNumber(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || Array("+-.eE".utf8).contains(byte)
  }

  private mutating func array(_ depth: Int) throws(Failure) -> JSONTree {
    place += 1
    var elements: [JSONTree] = []
    skipSpace()
    if take("]") { return .array([]) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(elements) }
      try expect(",")
    }
  }

  private mutating func object(_ depth: Int) throws(Failure) -> JSONTree {
    place += 1
    var members: [JSONTree.Member] = []
    skipSpace()
    if take("}") { return .object([]) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("a name is missing") }
      let name = try string()
      guard !members.contains(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
        throw failure("\"\(name)\" comes twice")
      }
      try expect(":")
      members.append(JSONTree.Member(name: name, value: try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      try expect(",")
    }
  }

  private mutating func string() throws(Failure) -> String {
    place += 1
    var text: [UInt8] = []
    while true {
      let start = place
      while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        place += 1
      }
      text += bytes[start..<place]
      guard let byte = next else { throw failure("a string has no end") }
      if byte < 0x20 { throw failure("a string has a control character") }
      place += 1
      if byte == UInt8(ascii: "\"") { break }
      try escape(into: &text)
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      throw failure("a string is not valid UTF-8")
    }
    return string
  }

  private mutating func escape(into text: inout [UInt8]) throws(Failure) {
    guard let byte = next else { throw failure("a string has no end") }
    place += 1
    switch Character(Unicode.Scalar(byte)) {
    case "\"", "\\", "/": text.append(byte)
    case "b": text.append(0x08)
    case "f": text.append(0x0C)
    case "n": text.append(0x0A)
    case "r": text.append(0x0D)
    case "t": text.append(0x09)
    case "u": text += Array(String(try scalar()).utf8)
    default: throw failure("`\\` is followed by what it cannot be")
    }
  }

  private mutating func scalar() throws(Failure) -> Character {
    let first = try digits()
    var code = UInt32(first)
    if (0xD800...0xDBFF).contains(first) {
      guard take("\\"), take("u") else { throw failure("half of a character is missing") }
      let second = try digits()
      guard (0xDC00...0xDFFF).contains(second) else {
        throw failure("half of a character is missing")
      }
      code = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw failure("half of a character is missing")
    }
    return Character(scalar)
  }

  private mutating func digits() throws(Failure) -> UInt16 {
    let text = bytes[place...].prefix(4)
    guard text.count == 4, text.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let number = UInt16(String(decoding: text, as: UTF8.self), radix: 16)
    else { throw failure("`\\u` needs four hexadecimal digits") }
    place += 4
    return number
  }
}
