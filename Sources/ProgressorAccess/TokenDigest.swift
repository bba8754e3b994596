internal import Crypto

/// The SHA-256 of a token: all that is ever stored of one.
public struct TokenDigest: Sendable, Hashable {
  /// The bytes of a digest.
  public static let bytes = 32

  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The digest of a token that somebody shows.
  public init(of token: some Collection<UInt8>) {
    self.init(Array(SHA256.hash(data: Array(token)))[...])
  }

  /// Reads 64 hexadecimal digits, of either case; nil = it is something else.
  init?(hexadecimal: some Collection<UInt8>) {
    guard hexadecimal.count == TokenDigest.bytes * 2 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in hexadecimal {
      guard let value = TokenDigest.value(digit) else { return nil }
      if let first = high.take() { bytes.append(first << 4 | value) } else { high = value }
    }
    self.init(bytes[...])
  }

  private init(_ bytes: ArraySlice<UInt8>) {
    func word(_ number: Int) -> UInt64 {
      bytes.dropFirst(number * 8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
    words = (word(0), word(1), word(2), word(3))
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Takes the same time whether they differ in the first word, in the last, or nowhere.
  public static func == (a: TokenDigest, b: TokenDigest) -> Bool {
    (a.words.0 ^ b.words.0) | (a.words.1 ^ b.words.1) | (a.words.2 ^ b.words.2)
      | (a.words.3 ^ b.words.3) == 0
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}
