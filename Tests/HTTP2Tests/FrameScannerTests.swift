import Testing

@testable import HTTP2

@Suite("The frame scanner")
struct FrameScannerTests {
  let bytes =
    RawFrame.preface + RawFrame.request(1) + RawFrame.data(1, [1, 2, 3]) + RawFrame.data(1)
    + RawFrame.data(1, end: true) + RawFrame.data(1, [1], padding: 3)
    + RawFrame.data(1, [], padding: 3) + RawFrame.ping
    + RawFrame.frame(type: 9, payload: [1])

  @Test("counts the same in whatever pieces the bytes come", arguments: 1...40)
  func pieces(size: Int) {
    var scanner = FrameScanner(prefaceLength: 24)
    let passed = passed(bytes, in: size, by: &scanner)
    #expect(passed == bytes)
    // SETTINGS, HEADERS, five times DATA, PING, a small CONTINUATION; three bytes and a padded one.
    let expected = FrameScanner.Summary(frames: 9, payloadBytes: 4, headerBytes: 7)
    let (summary, nothing) = (scanner.takeSummary(), scanner.takeSummary())
    #expect(summary == expected && nothing == FrameScanner.Summary())
  }

  @Test("knows what the peer has begun and not ended, header blocks as one", arguments: [1, 5, 9])
  func unfinished(size: Int) {
    let block = RawFrame.block(3, [UInt8](repeating: 0x83, count: 30), pieces: 3)
    let parts = [
      RawFrame.preface, block, RawFrame.data(3, [1, 2, 3], padding: 2), RawFrame.data(3),
      RawFrame.data(3, [], padding: 0), RawFrame.ping,
    ]
    var scanner = FrameScanner(prefaceLength: 24)
    var seen: [UInt64] = []
    for part in parts {
      for end in stride(from: size, to: part.count + size, by: size) {
        _ = passed(Array(part[(end - size)..<min(end, part.count)]), in: size, by: &scanner)
        if end < part.count, let number = scanner.unfinished?.number { seen.append(number) }
      }
      let rest = scanner.unfinished
      #expect(rest == nil)
    }
    // SETTINGS of the preface, the block, three times DATA, PING.
    #expect(seen == seen.sorted() && Set(seen).isSubset(of: [1, 2, 3, 4, 5, 6]))
    #expect(seen.count(where: { $0 == 2 }) == (block.count - 1) / size)
  }

  @Test("tells DATA, and whose, from other frames as soon as the header is there")
  func unfinishedData() {
    var scanner = FrameScanner(prefaceLength: 0)
    let frame = RawFrame.data(0x8000_0003, [1, 2, 3], padding: 2)
    _ = passed(Array(frame.prefix(8)), in: 8, by: &scanner)
    let begun = scanner.unfinished
    #expect(begun?.number == 1 && begun?.dataStream == nil)
    for byte in frame[8..<14] {
      _ = passed([byte], in: 1, by: &scanner)
      let data = scanner.unfinished
      #expect(data?.number == 1 && data?.dataStream == 3)
    }
    _ = passed([0] + RawFrame.ping.prefix(10), in: 11, by: &scanner)
    let ping = scanner.unfinished
    #expect(ping?.number == 2 && ping?.dataStream == nil)
  }

  @Test("shortens a header block's strings in whatever pieces they come", arguments: [1, 9, 1000])
  func shortening(size: Int) {
    let long = [UInt8](repeating: 97, count: 70_000)
    let kept = Array(long.prefix(HeaderBlockShortener.keptBytes))
    let fields: ([UInt8]) -> [UInt8] = { value in
      [0x83, 0x3f, 0x81, 0x1f] + RawFrame.indexedLiteral("x", value) + [0x0f, 0x11, 1, 98, 0xbe]
    }
    let bytes =
      RawFrame.ping + RawFrame.block(1, fields(long)) + RawFrame.block(3, fields([1]), pieces: 7)
      + RawFrame.ping
    var scanner = FrameScanner(prefaceLength: 0)
    let passed = passed(bytes, in: size, by: &scanner)
    #expect(passed.count < 9 * 20 + 66_000)
    #expect(RawFrame.payloads(of: 1, in: passed) == fields(kept))
    #expect(RawFrame.payloads(of: 3, in: passed) == fields([1]))
    #expect(passed.starts(with: RawFrame.ping) && passed.suffix(17) == RawFrame.ping[...])
  }

  private func passed(
    _ bytes: [UInt8], in size: Int, by scanner: inout FrameScanner
  ) -> [UInt8] {
    var passed: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = Array(bytes[start..<min(start + size, bytes.count)])
      var offset = 0
      while let next = scanner.next(of: piece.span.bytes, from: &offset) {
        switch next {
        case .asTheyAre(let range): passed += piece[range]
        case .instead(let bytes, _): passed += bytes
        }
      }
    }
    return passed
  }
}

@Suite("Huffman code")
struct HuffmanSymbolsTests {
  @Test("is complete by the lengths of its symbols")
  func complete() {
    #expect(HuffmanSymbols.limits.last?.limit == 1 << 32)
  }

  @Test("has symbols of the lengths in the table, from whatever their codes begin with")
  func lengths() {
    func expected(_ code: UInt32) -> Int? {
      HuffmanSymbols.limits.first { UInt64(code) < $0.limit }?.length
    }
    var codes: [UInt32] = [0, .max]
    for (_, limit) in HuffmanSymbols.limits {
      codes += [UInt32(limit - 1), UInt32(clamping: limit), UInt32(clamping: limit + 1)]
    }
    for ones in 0...31 { codes += [~(UInt32.max >> UInt32(ones)), UInt32.max >> UInt32(ones)] }
    for code in codes { #expect(HuffmanSymbols.length(of: code) == expected(code)) }
    #expect(HuffmanSymbols.length(of: 0) == 5 && HuffmanSymbols.length(of: .max) == 30)
  }

  @Test("is cut where a symbol ends, and padded with ones", arguments: 1...40)
  func cut(size: Int) {
    let text = (0..<64).map { Huffman.symbols[$0 * 7 % Huffman.symbols.count] }
    var bytes = Array(Huffman.encode(text).prefix(size))
    var symbols = HuffmanSymbols()
    let hasNoEnd = symbols.take(bytes)
    symbols.cut(&bytes)
    #expect(hasNoEnd)
    let whole = (0...text.count).last { Huffman.encode(Array(text.prefix($0))).count <= size }
    #expect(bytes == Huffman.encode(Array(text.prefix(whole ?? 0))))
  }
}

@Suite("A token bucket")
struct TokenBucketTests {
  @Test("gives its burst, then what time brings, never more than the burst")
  func refill() {
    var bucket = TokenBucket(Rate(burst: 2, perSecond: 1), now: 0)
    #expect(bucket.take(2, now: 0) && !bucket.take(1, now: 0))
    #expect(!bucket.take(1, now: 999_999_999) && bucket.take(1, now: 1_000_000_000))
  }

  @Test("keeps what is given back above its burst for seconds only")
  func refunds() {
    var bucket = TokenBucket(Rate(burst: 2, perSecond: 1), now: 0)
    bucket.add(100, now: 0)
    let isKept = bucket.take(100, now: 0)
    bucket.add(100, now: 0)
    for second in 1...20 { bucket.add(0, now: UInt64(second) * 1_000_000_000) }
    let isBurstLeft = bucket.take(2, now: 20_000_000_000)
    let isMoreLeft = bucket.take(1, now: 20_000_000_000)
    #expect(isKept && isBurstLeft && !isMoreLeft)
  }

  @Test("ignores a clock that goes back")
  func clockGoesBack() {
    var bucket = TokenBucket(Rate(burst: 1, perSecond: 1), now: 5_000_000_000)
    #expect(bucket.take(1, now: 4_000_000_000) && !bucket.take(1, now: 4_500_000_000))
  }
}
