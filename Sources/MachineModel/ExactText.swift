/// A text that is compared, ordered and hashed by its bytes, as the database does: for dictionaries
/// of names, ids and keys.
///
/// `String`'s own `==` takes "é" for "e" + U+0301; those are two names. Its hash is that of the
/// normal form, so that whoever chooses ids finds any number of them with one hash; the bytes are
/// hashed with the process's own seed instead, which nobody outside knows.
public struct ExactText: Sendable, Hashable, Comparable, ExpressibleByStringLiteral {
  /// The text, unchanged.
  public let text: String

  public init(_ text: String) { self.text = text }

  public init(stringLiteral text: String) { self.text = text }

  public static func == (a: ExactText, b: ExactText) -> Bool { a.text.isExactly(b.text) }

  public static func < (a: ExactText, b: ExactText) -> Bool { a.text.precedesExactly(b.text) }

  public func hash(into hasher: inout Hasher) { hasher.combine(exactly: text) }
}

extension String {
  /// Whether both have the same bytes of UTF-8.
  public func isExactly(_ other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }

  /// Whether it stands before the other in the order of their bytes (`COLLATE "C"`).
  public func precedesExactly(_ other: String) -> Bool {
    utf8.lexicographicallyPrecedes(other.utf8)
  }
}

extension Hasher {
  /// Takes in the bytes of a text, and their number: of two texts none runs into the next.
  mutating func combine(exactly text: String) {
    var word: UInt64 = 0
    var count = 0
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      count += 1
      if count.isMultiple(of: 8) {
        combine(word)
        word = 0
      }
    }
    combine(word)
    combine(count)
  }
}
