/// Follows the frames in what a peer sends (RFC 9113 section 4.1), to know how many of them carry
/// something.
///
/// nghttp2 does not report the frames that it ignores: unknown types, and all that comes for streams
/// that closed. A flood of these is a flood, too.
struct FrameScanner: Sendable {
  /// What a piece of the peer's bytes held. A frame counts where its header ends.
  struct Summary: Sendable, Equatable {
    /// Frames that carry nothing by themselves, HEADERS among them: these are useful only if they
    /// are accepted.
    var uselessFrames = 0
    /// Bytes of DATA without padding.
    var payloadBytes = 0
  }

  private static let headerLength = 9

  /// Bytes before the next header: the client preface, or the rest of a payload.
  private var skip: Int
  /// The header's bytes so far, the first in the highest place: length, type and flags are its first
  /// five.
  private var header: UInt64 = 0
  private var headerCount = 0
  /// The payload of a padded DATA frame whose first byte, the length of its padding, comes next.
  private var paddedLength: Int?

  /// - Parameter prefaceLength: what comes before the first frame, in bytes.
  init(prefaceLength: Int) {
    skip = prefaceLength
  }

  /// Goes over the next bytes.
  mutating func scan(_ bytes: RawSpan) -> Summary {
    var summary = Summary()
    var offset = 0
    while offset < bytes.byteCount {
      if skip > 0 {
        let step = min(skip, bytes.byteCount - offset)
        skip -= step
        offset += step
        continue
      }
      if let length = paddedLength {
        let padding = Int(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        endPadded(length: length, padding: padding, &summary)
        offset += 1
        continue
      }
      if headerCount < 5 {
        header = header << 8 | UInt64(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
      }
      offset += 1
      headerCount += 1
      if headerCount == Self.headerLength { endHeader(&summary) }
    }
    return summary
  }

  private mutating func endHeader(_ summary: inout Summary) {
    let length = Int(header >> 16 & 0xff_ffff)
    let type = header >> 8 & 0xff
    let flags = header & 0xff
    switch type {
    case 0x0:  // DATA
      let endsStream = flags & 0x1 != 0
      let isPadded = flags & 0x8 != 0
      if isPadded, length > 0 {
        paddedLength = length
      } else if length == 0 && !endsStream {
        summary.uselessFrames += 1
      } else {
        summary.payloadBytes += length
      }
    case 0x9:  // CONTINUATION: nghttp2 bounds them.
      break
    default:
      summary.uselessFrames += 1
    }
    skip = paddedLength == nil ? length : 0
    header = 0
    headerCount = 0
  }

  /// A frame of padding alone carries nothing (RFC 9113 section 6.1); one with data does.
  private mutating func endPadded(length: Int, padding: Int, _ summary: inout Summary) {
    let payload = length - 1 - padding
    if payload > 0 { summary.payloadBytes += payload } else { summary.uselessFrames += 1 }
    paddedLength = nil
    skip = length - 1
  }
}
