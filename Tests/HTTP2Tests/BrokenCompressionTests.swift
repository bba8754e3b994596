import HTTP2
import Testing

/// Header blocks that nghttp2 refuses by itself: that long strings are shortened before it sees
/// them must not make it accept one of them.
@Suite("Header blocks that break HPACK")
struct BrokenCompressionTests {
  private static let start: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, UInt8(ascii: "a")]
  /// `literal without indexing, new name, "x"`; the value's length follows.
  private static let name: [UInt8] = [0x00, 0x01, UInt8(ascii: "x")]

  /// Whether a server ends the connection with COMPRESSION_ERROR.
  private func isRefused(_ frames: [UInt8]) throws -> Bool {
    let server = try Peer(.server)
    server.receive(RawFrame.preface + frames)
    return server.output().goAwayCode == .compressionError
  }

  /// Lengths of a value, and whether RFC 7541 and nghttp2 take them.
  private static let lengths: [(bytes: [UInt8], isTaken: Bool)] = [
    ([0x03], true),
    ([0x7f, 0x03], true),
    ([0x7f, 0x83, 0x80, 0x80, 0x00], true),
    ([0x7f, 0x83, 0x80, 0x80, 0x80, 0x00], true),
    // A sixth byte, whatever it says.
    ([0x7f, 0x83, 0x80, 0x80, 0x80, 0x80, 0x00], false),
    ([0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], false),
    ([0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], false),
    // More than 32 bits.
    ([0x7f, 0x80, 0x80, 0x80, 0x80, 0x10], false),
    ([0x7f, 0x80, 0x80, 0x80, 0x80, 0x7f], false),
    ([0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f], false),
  ]

  @Test("are judged alike in one frame and in several, by their lengths", arguments: 0..<10)
  func lengths(index: Int) throws {
    let (length, isTaken) = Self.lengths[index]
    let value = [UInt8](repeating: UInt8(ascii: "v"), count: 130)
    // What would complete the block if the length were 127.
    let size = length.count == 1 ? 3 : length.count == 7 ? 126 : 130
    let block = Self.start + Self.name + length + value.prefix(size)
    #expect(try isRefused(RawFrame.block(1, block)) == !isTaken)
    for pieces in [2, 5, block.count] {
      #expect(try isRefused(RawFrame.block(1, block, pieces: pieces)) == !isTaken)
    }
  }

  /// A value of 80,000 bytes in Huffman code, zeros, with something in place of its end or behind
  /// it.
  private func huffman(end: [UInt8] = [], more: [UInt8] = []) -> [UInt8] {
    let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: 128_000)
    let text = Array(Huffman.encode(zeros).dropLast(end.count)) + end + more
    return Self.start + RawFrame.codedLiteral("x", text)
  }

  @Test("are refused for EOS, or wrong padding, in what is left out of a string")
  func endOfString() throws {
    #expect(try !isRefused(RawFrame.block(1, huffman())))
    #expect(try isRefused(RawFrame.block(1, huffman(end: [0xff, 0xff, 0xff, 0xff, 0x00]))))
    // A whole byte of padding.
    #expect(try isRefused(RawFrame.block(1, huffman(more: [0xff]))))
    // Zeros as padding: half of a symbol.
    #expect(try isRefused(RawFrame.block(1, huffman(end: [0xfe]))))
  }

  @Test(
    "are refused when they end within a string", arguments: [1_000, 20_000, 65_536, 65_537, 69_999])
  func endsWithin(size: Int) throws {
    let whole = Self.start + RawFrame.literal("x", [UInt8](repeating: 97, count: 70_000))
    let cut = Array(whole.prefix(Self.start.count + 7 + size))
    #expect(try isRefused(RawFrame.block(1, cut)))
    let named = Self.start + RawFrame.literal(String(repeating: "x", count: 70_000), [])
    #expect(try isRefused(RawFrame.block(1, Array(named.dropLast()))))
  }

  @Test("are not those whose stream has the reserved bit set, which is ignored")
  func reservedBit() throws {
    let server = try Peer(.server)
    server.receive(RawFrame.preface)
    let block = Self.start + RawFrame.literal("x", [UInt8](repeating: 97, count: 70_000))
    let pieces = stride(from: 0, to: block.count, by: 16_000).map {
      Array(block[$0..<min($0 + 16_000, block.count)])
    }
    for (index, piece) in pieces.enumerated() {
      let stream: UInt32 = index % 2 == 0 ? 1 : 0x8000_0001
      let flags: UInt8 = index == pieces.count - 1 ? 4 : 0
      server.receive(
        RawFrame.frame(type: index == 0 ? 1 : 9, flags: flags, stream: stream, payload: piece))
    }
    #expect(server.error == nil && server.output().goAwayCode == nil)
    #expect(server.calls.first?.headers?.isTruncated == true)
  }

  @Test("A value that must not be cut is missing when it was shortened, in whatever code")
  func cutValues() throws {
    var settings = SessionSettings()
    settings.headers.essential = [
      EssentialHeader("details", maxValueSize: 16 << 10, mayBeCut: false)
    ]
    let long = [UInt8](repeating: UInt8(ascii: "|"), count: 100_000)
    let fits = [UInt8](repeating: UInt8(ascii: "|"), count: 16 << 10)
    for (block, isKept) in [
      (RawFrame.literal("details", long), false),
      (RawFrame.huffmanLiteral("details", long), false),
      (RawFrame.literal("details", fits), true),
      (RawFrame.huffmanLiteral("details", fits), true),
    ] {
      let server = try Peer(.server, settings: settings)
      server.receive(RawFrame.preface + RawFrame.block(1, Self.start + block))
      #expect(server.error == nil)
      let kept = server.calls.first?.headers?.first("details")
      #expect(kept?.utf8.count == (isKept ? fits.count : nil))
    }
  }
}

extension [UInt8] {
  /// The code of the GOAWAY among these whole frames.
  fileprivate var goAwayCode: ErrorCode? {
    var rest = self[...]
    while rest.count >= 9 {
      let header = rest.prefix(9).map(Int.init)
      let length = header[0] << 16 + header[1] << 8 + header[2]
      let payload = rest.dropFirst(9).prefix(length)
      if header[3] == 7 {
        let code = payload.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        return ErrorCode(rawValue: code)
      }
      rest = rest.dropFirst(9 + length)
    }
    return nil
  }
}
