/// Finds the symbols of a string in HPACK's Huffman code (RFC 7541 appendix B) without decoding it,
/// piece by piece.
///
/// The code is canonical: shorter codes come first, and those of one length are consecutive
/// numbers. So the number of codes of each length is all that is needed to find where symbols end.
struct HuffmanSymbols: Sendable {
  private static let codesOfLength: KeyValuePairs<UInt32, UInt32> = [
    5: 10, 6: 26, 7: 32, 8: 6, 10: 5, 11: 3, 12: 2, 13: 6, 14: 2, 15: 3, 19: 3, 20: 8, 21: 13,
    22: 26, 23: 29, 24: 12, 25: 4, 26: 15, 27: 19, 28: 29, 30: 4,
  ]

  /// For each length the first number, aligned to the left of 32 bits, that is no code of it any
  /// more.
  static let limits: [(length: Int, limit: UInt64)] = {
    var limits: [(length: Int, limit: UInt64)] = []
    var next: UInt64 = 0
    for (length, count) in codesOfLength {
      next += UInt64(count) << UInt64(32 - length)
      limits.append((Int(length), next))
    }
    return limits
  }()

  /// For each number of ones at the beginning the first of ``limits`` that a code with them can be
  /// below: from there it is a step or two to the code's own.
  private static let starts: [Int] = (0...32).map { ones in
    let lowest = UInt64(UInt32.max) & ~(UInt64(UInt32.max) >> UInt64(ones))
    return limits.firstIndex { lowest < $0.limit } ?? limits.count - 1
  }

  /// The length of the symbol at the beginning of 32 bits.
  static func length(of code: UInt32) -> Int {
    var index = starts[(~code).leadingZeroBitCount]
    while UInt64(code) >= limits[index].limit { index += 1 }
    return limits[index].length
  }

  /// The bits that are no whole symbol yet, the first in the highest place, and how many there are.
  private var window: UInt64 = 0
  private var available = 0
  /// How many bits the whole symbols have.
  private(set) var bitCount = 0

  /// Goes over the next bytes.
  ///
  /// - Returns: false when EOS is among them, which no string may have (section 5.2).
  mutating func take(_ bytes: some Sequence<UInt8>) -> Bool {
    for byte in bytes {
      window |= UInt64(byte) << UInt64(56 - available)
      available += 8
      while let length = nextLength {
        if window >> 34 == 0x3fff_ffff { return false }
        window <<= UInt64(length)
        available -= length
        bitCount += length
      }
    }
    return true
  }

  /// The length of the next symbol, if all of it is there.
  private var nextLength: Int? {
    guard available >= 5 else { return nil }
    let length = Self.length(of: UInt32(truncatingIfNeeded: window >> 32))
    return length <= available ? length : nil
  }

  /// Whether a string may end here: what is left is less than a byte, and ones (section 5.2).
  var isPaddedWell: Bool {
    available < 8 && (available == 0 || window >> UInt64(64 - available) == (1 << available) - 1)
  }

  /// Cuts the beginning of a string, all that was taken so far, where its last whole symbol ends,
  /// and pads it as section 5.2 of the RFC demands: with the highest bits of EOS, which are ones.
  func cut(_ bytes: inout [UInt8]) {
    bytes.removeLast(bytes.count - (bitCount + 7) / 8)
    if bitCount % 8 != 0 { bytes[bytes.count - 1] |= UInt8(0xff >> (bitCount % 8)) }
  }
}
