/// Follows the frames in what a peer sends (RFC 9113 section 4.1), before nghttp2 sees them: to
/// know how many of them carry something, and to shorten in header blocks what nghttp2 would not
/// take.
///
/// nghttp2 does not report the frames that it ignores: unknown types, and all that comes for
/// streams that closed. A flood of these is a flood, too.
struct FrameScanner: Sendable {
  /// What a peer has begun to send, and not ended.
  struct UnfinishedInput: Sendable, Equatable {
    /// Which of all that it began.
    let number: UInt64
    /// The stream of DATA; nil = something else, or so little is here that it could be.
    let dataStream: Int32?
  }

  /// What a piece of the peer's bytes held. A frame counts where its header ends.
  struct Summary: Sendable, Equatable {
    /// All frames, but DATA with five bytes or more, the beginning of a gRPC message, and
    /// CONTINUATION with 1 KiB or more, or the end of its block.
    var frames = 0
    /// Bytes of DATA without padding.
    var payloadBytes = 0
    /// Bytes of header blocks, with padding.
    var headerBytes = 0
  }

  /// What nghttp2 is to be given next.
  enum Piece: Equatable {
    /// That part of the bytes, as they are.
    case asTheyAre(Range<Int>)
    /// Bytes instead of some that came, and whether a string of their header block was shortened.
    case instead([UInt8], isShortened: Bool)
  }

  private static let smallData = 5
  private static let smallFragment = 1024

  /// Bytes before the next header: the client preface, or the rest of a payload.
  private var skip: Int
  /// The header's bytes so far, the first in the highest place: length, type and flags in the first
  /// number, the stream in the second.
  private var header: UInt64 = 0
  private var stream: UInt32 = 0
  private var headerCount = 0
  /// The payload of a padded DATA frame whose first byte, the length of its padding, comes next.
  private var paddedLength: Int?

  /// The header block that comes in several frames now.
  private var block: FragmentedBlock?
  /// The frame of it whose payload is being gathered.
  private var fragment: FrameHeader?
  private var fragmentPayload: [UInt8] = []

  /// What was counted since it was taken.
  private var summary = Summary()
  /// Frames that began, those of a header block as one: tells one that goes on from the next.
  private var begun: UInt64 = 0
  /// The stream of the DATA whose payload comes now.
  private var dataStream: Int32?

  private let longestString: Int

  /// - Parameters:
  ///   - prefaceLength: what comes before the first frame, in bytes.
  ///   - longestString: a longer one in a header block ends the connection.
  init(prefaceLength: Int, longestString: Int = .max) {
    skip = prefaceLength
    self.longestString = longestString
  }

  /// The frame, or the header block of several frames, whose end has not come; nil between two, and
  /// in the preface.
  var unfinished: UnfinishedInput? {
    guard begun > 0, headerCount > 0 || skip > 0 || paddedLength != nil || block != nil else {
      return nil
    }
    return UnfinishedInput(number: begun, dataStream: headerCount > 0 ? nil : dataStream)
  }

  /// What was counted since the last time.
  mutating func takeSummary() -> Summary {
    defer { summary = Summary() }
    return summary
  }

  /// Goes over the next bytes, from `offset`, which is moved; nil when they are used up. A header
  /// that is not complete is held back until it is.
  mutating func next(of bytes: RawSpan, from offset: inout Int) -> Piece? {
    let start = offset
    let isSplit = headerCount > 0
    var headerStart = start
    while true {
      if let piece = endFragment() { return piece }
      guard offset < bytes.byteCount else { break }
      if skip > 0 {
        let step = min(skip, bytes.byteCount - offset)
        skip -= step
        offset += step
        continue
      }
      if let fragment {
        gather(bytes, from: &offset, until: fragment.length)
        continue
      }
      let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      if let length = paddedLength {
        endPadded(length: length, padding: Int(byte))
        offset += 1
        continue
      }
      if headerCount == 0 { headerStart = offset }
      offset += 1
      guard let frame = readHeader(byte) else { continue }
      count(frame)
      if begin(frame) {
        if headerStart > start { return .asTheyAre(start..<headerStart) }
      } else if isSplit, headerStart == start {
        return .instead(frame.bytes, isShortened: false)
      }
    }
    let end = headerCount > 0 ? headerStart : offset
    return start < end && fragment == nil ? .asTheyAre(start..<end) : nil
  }

  private mutating func readHeader(_ byte: UInt8) -> FrameHeader? {
    if headerCount < 5 {
      header = header << 8 | UInt64(byte)
    } else {
      stream = stream << 8 | UInt32(byte)
    }
    if headerCount == 0, block == nil { begun &+= 1 }
    headerCount += 1
    guard headerCount == FrameHeader.byteCount else { return nil }
    defer {
      header = 0
      stream = 0
      headerCount = 0
    }
    return FrameHeader(
      length: Int(header >> 16 & 0xff_ffff), type: UInt8(header >> 8 & 0xff),
      flags: UInt8(header & 0xff), stream: stream)
  }

  private mutating func count(_ frame: FrameHeader) {
    switch frame.type {
    case 0x0:  // DATA
      let isPadded = frame.flags & 0x8 != 0
      if isPadded, frame.length > 0 {
        paddedLength = frame.length
      } else {
        countData(frame.length)
      }
    case FragmentedBlock.headersType:
      summary.frames += 1
      summary.headerBytes += frame.length
    case FragmentedBlock.continuationType:
      let isLast = frame.flags & FragmentedBlock.endHeaders != 0
      if frame.length < Self.smallFragment, !isLast { summary.frames += 1 }
      summary.headerBytes += frame.length
    default:
      summary.frames += 1
    }
  }

  /// Says whether the frame belongs to a header block of several frames: its payload is gathered
  /// then, otherwise passed on.
  private mutating func begin(_ frame: FrameHeader) -> Bool {
    if paddedLength == nil { skip = frame.length }
    let stream = frame.stream & 0x7fff_ffff  // The reserved bit is ignored (RFC 9113 section 4.1).
    dataStream = frame.type == 0x0 ? Int32(stream) : nil
    let isBeginning =
      frame.type == FragmentedBlock.headersType && frame.flags & FragmentedBlock.endHeaders == 0
    if isBeginning {
      block = FragmentedBlock(stream: stream, longestString: longestString)
    } else if frame.type != FragmentedBlock.continuationType || block?.stream != stream {
      block = nil  // nghttp2 ends a connection that interrupts a block.
    }
    guard block != nil, frame.length <= FragmentedBlock.maxFrameSize else {
      block = nil
      return false
    }
    skip = 0
    fragment = frame
    fragmentPayload.reserveCapacity(frame.length)
    return true
  }

  private mutating func gather(_ bytes: RawSpan, from offset: inout Int, until length: Int) {
    let step = min(length - fragmentPayload.count, bytes.byteCount - offset)
    bytes.extracting(offset..<(offset + step)).withUnsafeBytes {
      fragmentPayload.append(contentsOf: $0)
    }
    offset += step
  }

  private mutating func endFragment() -> Piece? {
    guard let frame = fragment, fragmentPayload.count == frame.length, var block else { return nil }
    let bytes = block.rewrite(type: frame.type, flags: frame.flags, payload: fragmentPayload)
    fragment = nil
    fragmentPayload = []
    self.block = frame.flags & FragmentedBlock.endHeaders == 0 ? block : nil
    return .instead(bytes, isShortened: block.isShortened)
  }

  /// A frame of padding alone carries nothing (RFC 9113 section 6.1); one with data does.
  private mutating func endPadded(length: Int, padding: Int) {
    countData(max(0, length - 1 - padding))
    paddedLength = nil
    skip = length - 1
  }

  private mutating func countData(_ payload: Int) {
    if payload < Self.smallData { summary.frames += 1 }
    summary.payloadBytes += payload
  }
}
