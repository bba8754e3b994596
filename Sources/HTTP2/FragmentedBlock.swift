/// A header block that comes in several frames (RFC 9113 section 4.3): only such a one can hold a
/// string that must be shortened, because a frame has 16 KiB at most.
///
/// Frame by frame goes in, and comes out as frames that nghttp2 can take.
struct FragmentedBlock: Sendable {
  /// The stream that all its frames name.
  let stream: UInt32
  private var shortener: HeaderBlockShortener

  /// The largest payload of a frame: SETTINGS_MAX_FRAME_SIZE is never announced to be larger.
  static let maxFrameSize = 16 << 10
  static let headersType: UInt8 = 0x1
  static let continuationType: UInt8 = 0x9
  static let endHeaders: UInt8 = 0x4
  private static let endStream: UInt8 = 0x1
  private static let padded: UInt8 = 0x8
  private static let priority: UInt8 = 0x20

  /// - Parameter longestString: a block with a longer one is broken.
  init(stream: UInt32, longestString: Int) {
    self.stream = stream
    shortener = HeaderBlockShortener(limit: longestString)
  }

  /// Whether a string of the block was shortened so far.
  var isShortened: Bool { shortener.hasShortened }

  /// The bytes that stand for the next frame of the block. A HEADERS frame loses its padding and
  /// its priority, which nobody here heeds.
  mutating func rewrite(type: UInt8, flags: UInt8, payload: [UInt8]) -> [UInt8] {
    guard let fragment = Self.fragment(type: type, flags: flags, payload) else {
      return frame(type: type, flags: flags, payload[...])
    }
    var block: [UInt8] = []
    block.reserveCapacity(fragment.count)
    shortener.shorten(fragment, into: &block)
    if flags & Self.endHeaders != 0 { shortener.finish(into: &block) }
    var output: [UInt8] = []
    output.reserveCapacity(block.count + 9)
    var rest = block[...]
    repeat {
      let isFirst = output.isEmpty
      let piece = rest.prefix(Self.maxFrameSize)
      rest.removeFirst(piece.count)
      var pieceFlags = isFirst && type == Self.headersType ? flags & Self.endStream : 0
      if rest.isEmpty { pieceFlags |= flags & Self.endHeaders }
      output += frame(type: isFirst ? type : Self.continuationType, flags: pieceFlags, piece)
    } while !rest.isEmpty
    return output
  }

  /// The part of the block in a payload; nil if its lengths contradict each other.
  private static func fragment(
    type: UInt8, flags: UInt8, _ payload: [UInt8]
  ) -> ArraySlice<UInt8>? {
    guard type == headersType else { return payload[...] }
    var rest = payload[...]
    var padding = 0
    if flags & padded != 0 {
      guard let length = rest.popFirst() else { return nil }
      padding = Int(length)
    }
    let dropped = flags & priority != 0 ? 5 : 0
    guard rest.count >= padding + dropped else { return nil }
    return rest.dropFirst(dropped).dropLast(padding)
  }

  private func frame(type: UInt8, flags: UInt8, _ payload: ArraySlice<UInt8>) -> [UInt8] {
    FrameHeader(length: payload.count, type: type, flags: flags, stream: stream).bytes + payload
  }
}

/// The nine bytes before each payload (RFC 9113 section 4.1).
struct FrameHeader: Sendable {
  /// How many bytes a header has.
  static let byteCount = 9

  /// How many bytes the payload has.
  var length: Int
  var type: UInt8
  var flags: UInt8
  /// The stream's identifier with the reserved bit, as it came.
  var stream: UInt32

  var bytes: [UInt8] {
    [
      UInt8(truncatingIfNeeded: length >> 16), UInt8(truncatingIfNeeded: length >> 8),
      UInt8(truncatingIfNeeded: length), type, flags, UInt8(truncatingIfNeeded: stream >> 24),
      UInt8(truncatingIfNeeded: stream >> 16), UInt8(truncatingIfNeeded: stream >> 8),
      UInt8(truncatingIfNeeded: stream),
    ]
  }
}
