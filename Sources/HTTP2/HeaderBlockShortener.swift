/// Shortens the strings of a header block (RFC 7541) that nghttp2 would not take: it calls a string
/// of more than 64 KiB an error of compression, which ends the connection with everybody's streams.
///
/// The meaning of the block for the compression stays the same. A field whose string is shortened
/// is larger than the dynamic table before and after it, so in both cases it empties the table and
/// is not in it (section 4.4). No field is decoded here, and nothing but a string's kept beginning
/// is held.
///
/// What nghttp2 would refuse by itself it has to refuse also of what it does not see: a string that
/// does not end, or whose code is wrong. And it refuses at once one that says it is longer than any
/// may be: to go over it would be work without end for nothing.
struct HeaderBlockShortener: Sendable {
  /// The longest string that nghttp2 takes, in bytes as encoded.
  static let longestString = 64 << 10
  /// What is kept of a longer one. Even in the longest codes, of 30 bits, these bytes hold more
  /// than the 4,096 bytes of the dynamic table, which is never announced to be larger, and more
  /// than any field has that is kept whole or not at all (``EssentialHeader/mayBeCut``): 16 KiB.
  static let keptBytes = longestString

  private enum State: Sendable {
    /// The next byte begins a field.
    case field
    /// More bytes of an index or of the table's size follow, then that many strings.
    case number(strings: Int)
    /// The next byte begins a string; that many are to come with it.
    case string(strings: Int)
    /// More bytes of the string's length follow.
    case length(strings: Int)
    /// That many bytes of a string are copied.
    case copying(Int, strings: Int)
    /// The beginning of a string of that length is gathered.
    case gathering(Int, strings: Int)
    /// That many bytes of a string are left out.
    case skipping(Int, strings: Int)
    /// No HPACK: what follows is copied, for nghttp2 to judge.
    case broken
  }

  private var state = State.field
  private var isHuffman = false
  private var number = 0
  private var shift = 0
  private var beginning: [UInt8] = []
  private var symbols = HuffmanSymbols()
  /// The longest string that is gone over, in bytes as encoded.
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
  }

  /// Whether a string was shortened.
  private(set) var hasShortened = false

  /// Appends the next piece of the block to `output`, shortened.
  mutating func shorten(_ piece: ArraySlice<UInt8>, into output: inout [UInt8]) {
    var rest = piece
    while let byte = rest.first {
      switch state {
      case .field:
        output.append(byte)
        rest.removeFirst()
        beginField(byte)
      case .number(let strings):
        output.append(byte)
        rest.removeFirst()
        if byte < 0x80 { state = Self.next(strings) } else { countNumberByte() }
      case .string(let strings):
        rest.removeFirst()
        isHuffman = byte & 0x80 != 0
        number = Int(byte & 0x7f)
        shift = 0
        if number < 0x7f {
          beginString(strings, &output)
        } else {
          state = .length(strings: strings)
        }
      case .length(let strings):
        rest.removeFirst()
        number += Int(byte & 0x7f) << shift
        shift += 7
        if number > UInt32.max || (byte >= 0x80 && shift > 28) {
          refuse(&output)
        } else if byte < 0x80 {
          beginString(strings, &output)
        }
      case .copying, .gathering, .skipping:
        let count = min(leftOfString, rest.count)
        takeString(rest.prefix(count), &output)
        rest.removeFirst(count)
      case .broken:
        output.append(contentsOf: rest)
        return
      }
    }
  }

  /// The block is over: one that ends in what was left out of a string is refused.
  mutating func finish(into output: inout [UInt8]) {
    if case .skipping = state { refuse(&output) }
  }

  /// Appends what nghttp2 takes neither for a field nor for a string: a number without an end.
  private mutating func refuse(_ output: inout [UInt8]) {
    output.append(contentsOf: repeatElement(0xff, count: 7))
    state = .broken
  }

  /// The strings of a field by its first byte: none, a value, or a name and a value (section 6).
  private mutating func beginField(_ byte: UInt8) {
    let (mask, hasStrings): (UInt8, Bool) =
      if byte & 0x80 != 0 {
        (0x7f, false)
      } else if byte & 0x40 != 0 {
        (0x3f, true)
      } else if byte & 0x20 != 0 {
        (0x1f, false)
      } else {
        (0x0f, true)
      }
    let strings = hasStrings ? (byte & mask == 0 ? 2 : 1) : 0
    shift = 0
    state = byte & mask == mask ? .number(strings: strings) : Self.next(strings)
  }

  /// A number has five more bytes at most; nghttp2 refuses a longer one.
  private mutating func countNumberByte() {
    shift += 7
    if shift > 28 { state = .broken }
  }

  private mutating func beginString(_ strings: Int, _ output: inout [UInt8]) {
    if number > max(limit, Self.longestString) { return refuse(&output) }
    if number > Self.longestString {
      beginning.removeAll(keepingCapacity: true)
      symbols = HuffmanSymbols()
      state = .gathering(number, strings: strings)
    } else {
      appendLength(number, to: &output)
      state = number > 0 ? .copying(number, strings: strings) : Self.next(strings - 1)
    }
  }

  private var leftOfString: Int {
    switch state {
    case .copying(let count, _), .skipping(let count, _): count
    case .gathering: Self.keptBytes - beginning.count
    default: 0
    }
  }

  private mutating func takeString(_ bytes: ArraySlice<UInt8>, _ output: inout [UInt8]) {
    switch state {
    case .copying(let count, let strings):
      output.append(contentsOf: bytes)
      let left = count - bytes.count
      state = left > 0 ? .copying(left, strings: strings) : Self.next(strings - 1)
    case .gathering(let count, let strings):
      if isHuffman, !symbols.take(bytes) { return refuse(&output) }
      beginning.append(contentsOf: bytes)
      guard beginning.count == Self.keptBytes else { return }
      if isHuffman { symbols.cut(&beginning) }
      appendLength(beginning.count, to: &output)
      output.append(contentsOf: beginning)
      beginning = []
      hasShortened = true
      state = .skipping(count - Self.keptBytes, strings: strings)
    case .skipping(let count, let strings):
      if isHuffman, !symbols.take(bytes) { return refuse(&output) }
      let left = count - bytes.count
      if left > 0 {
        state = .skipping(left, strings: strings)
      } else if isHuffman, !symbols.isPaddedWell {
        refuse(&output)
      } else {
        state = Self.next(strings - 1)
      }
    default:
      break
    }
  }

  private static func next(_ strings: Int) -> State {
    strings > 0 ? .string(strings: strings) : .field
  }

  /// A string's first bytes: whether it is in Huffman code, and its length (sections 5.1 and 5.2).
  private func appendLength(_ length: Int, to output: inout [UInt8]) {
    let flag: UInt8 = isHuffman ? 0x80 : 0
    guard length >= 0x7f else {
      output.append(flag | UInt8(length))
      return
    }
    output.append(flag | 0x7f)
    var rest = length - 0x7f
    while rest >= 0x80 {
      output.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(rest))
  }
}
