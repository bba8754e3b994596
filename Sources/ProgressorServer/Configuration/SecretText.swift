/// Texts that may hold a password, to be shown.
enum SecretText {
  private static let mark = "…"

  /// What of a setting is shown: only the one that says where the database is shows anything.
  static func shown(_ text: String, of key: String) -> String {
    key == "database.url" ? connection(text) : mark
  }

  /// A PostgreSQL connection string or URL without its passwords. What is neither is hidden whole.
  ///
  /// Byte by byte, as libpq reads it: a character that joins the one before it would hide that one.
  private static func connection(_ text: String) -> String {
    let bytes = Array(text.utf8)
    if let scheme = bytes.firstRange(of: Array("://".utf8)) {
      return hidingParameters(hidingUser(bytes, after: scheme.upperBound))
    }
    return bytes.contains(UInt8(ascii: "=")) ? hidingParameters(bytes) : mark
  }

  /// Hides what is between the user and the last `@`: more than a password that was not encoded
  /// as it should be, rather than less.
  private static func hidingUser(_ text: [UInt8], after start: Int) -> [UInt8] {
    guard let at = text.lastIndex(of: UInt8(ascii: "@")), at >= start,
      let colon = text[start..<at].firstIndex(of: UInt8(ascii: ":"))
    else { return text }
    return text[...colon] + Array(mark.utf8) + text[at...]
  }

  /// Hides the value of every keyword that ends with `password`.
  private static func hidingParameters(_ bytes: [UInt8]) -> String {
    let word = Array("password".utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let end = index + word.count
      let isWord =
        end <= bytes.count && zip(bytes[index..<end], word).allSatisfy { $0.0 | 0x20 == $0.1 }
      guard isWord, let value = valueStart(bytes, from: end) else {
        result.append(bytes[index])
        index += 1
        continue
      }
      result += bytes[index..<value] + Array(mark.utf8)
      index = valueEnd(bytes, from: value)
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Behind `=` and the spaces around it.
  private static func valueStart(_ bytes: [UInt8], from start: Int) -> Int? {
    var index = skippingSpaces(bytes, from: start)
    guard index < bytes.count, bytes[index] == UInt8(ascii: "=") else { return nil }
    index = skippingSpaces(bytes, from: index + 1)
    return index
  }

  private static func skippingSpaces(_ bytes: [UInt8], from start: Int) -> Int {
    bytes[start...].firstIndex { !isSpace($0) } ?? bytes.count
  }

  /// Of a value in quotes, or one that ends at a space or `&`; backslashes escape (libpq,
  /// "Keyword/Value Connection Strings").
  private static func valueEnd(_ bytes: [UInt8], from start: Int) -> Int {
    let quote = UInt8(ascii: "'")
    let isQuoted = start < bytes.count && bytes[start] == quote
    var index = isQuoted ? start + 1 : start
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\\") {
        index += 2
      } else if isQuoted ? byte == quote : isSpace(byte) || byte == UInt8(ascii: "&") {
        return isQuoted ? index + 1 : index
      } else {
        index += 1
      }
    }
    return bytes.count
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }
}
