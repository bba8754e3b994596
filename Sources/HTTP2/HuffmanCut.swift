/// Cuts a string in HPACK's Huffman code (RFC 7541 appendix B) without decoding it.
///
/// The code is canonical: shorter codes come first, and those of one length are consecutive numbers. So
/// the number of codes of each length is all that is needed to find where symbols end.
enum HuffmanCut {
  private static let codesOfLength: KeyValuePairs<UInt32, UInt32> = [
    5: 10, 6: 26, 7: 32, 8: 6, 10: 5, 11: 3, 12: 2, 13: 6, 14: 2, 15: 3, 19: 3, 20: 8, 21: 13,
    22: 26, 23: 29, 24: 12, 25: 4, 26: 15, 27: 19, 28: 29, 30: 4,
  ]

  /// For each length the first number, aligned to the left of 32 bits, that is no code of it any more.
  static let limits: [(length: Int, limit: UInt64)] = {
    var limits: [(length: Int, limit: UInt64)] = []
    var next: UInt64 = 0
    for (length, count) in codesOfLength {
      next += UInt64(count) << UInt64(32 - length)
      limits.append((Int(length), next))
    }
    return limits
  }()

  /// Cuts the beginning of a string where its last whole symbol ends, and pads it as section 5.2 of the
  /// RFC demands: with the highest bits of EOS, which are ones.
  static func cut(_ bytes: inout [UInt8]) {
    let end = symbolBoundary(in: bytes)
    bytes.removeLast(bytes.count - (end + 7) / 8)
    if end % 8 != 0 { bytes[bytes.count - 1] |= UInt8(0xff >> (end % 8)) }
  }

  /// How many bits the whole symbols take.
  private static func symbolBoundary(in bytes: [UInt8]) -> Int {
    var position = 0
    // The next bits, the first in the highest place, and how many there are.
    var window: UInt64 = 0
    var available = 0
    var next = 0
    while true {
      while available < 32, next < bytes.count {
        window |= UInt64(bytes[next]) << UInt64(56 - available)
        available += 8
        next += 1
      }
      let code = window >> 32
      guard let length = limits.first(where: { code < $0.limit })?.length, length <= available
      else { return position }
      window <<= UInt64(length)
      available -= length
      position += length
    }
  }
}
