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
    var total = FrameScanner.Summary()
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = Array(bytes[start..<min(start + size, bytes.count)])
      let summary = scanner.scan(piece.span.bytes)
      total.uselessFrames += summary.uselessFrames
      total.payloadBytes += summary.payloadBytes
    }
    // SETTINGS, HEADERS, empty DATA, DATA of padding alone, PING; three bytes and a padded one.
    #expect(total == FrameScanner.Summary(uselessFrames: 5, payloadBytes: 4))
  }
}

@Suite("A token bucket")
struct TokenBucketTests {
  @Test("gives its burst, then what time and refunds bring, never more than the burst")
  func refill() {
    var bucket = TokenBucket(Rate(burst: 2, perSecond: 1), now: 0)
    #expect(bucket.take(2, now: 0) && !bucket.take(1, now: 0))
    #expect(!bucket.take(1, now: 999_999_999) && bucket.take(1, now: 1_000_000_000))
    bucket.add(100)
    #expect(bucket.take(2, now: 1_000_000_000) && !bucket.take(1, now: 1_000_000_000))
  }

  @Test("ignores a clock that goes back")
  func clockGoesBack() {
    var bucket = TokenBucket(Rate(burst: 1, perSecond: 1), now: 5_000_000_000)
    #expect(bucket.take(1, now: 4_000_000_000) && !bucket.take(1, now: 4_500_000_000))
  }
}
