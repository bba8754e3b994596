/// A budget that is spent by taking and refills with time, up to its burst.
struct TokenBucket: Sendable {
  private let rate: Rate
  private var tokens: Double
  private var refilledAt: UInt64

  init(_ rate: Rate, now: UInt64) {
    self.rate = rate
    tokens = rate.burst
    refilledAt = now
  }

  /// Takes tokens; false when there are not enough.
  mutating func take(_ count: Double, now: UInt64) -> Bool {
    if now > refilledAt {
      add(Double(now - refilledAt) / 1e9 * rate.perSecond)
      refilledAt = now
    }
    guard tokens >= count else { return false }
    tokens -= count
    return true
  }

  /// Gives tokens back, up to the burst.
  mutating func add(_ count: Double) {
    tokens = min(rate.burst, tokens + count)
  }
}

/// Notices a peer that keeps us busy without doing anything useful.
///
/// A value without IO or clock: frames go in, an error comes out when a bound was exceeded. Times are
/// nanoseconds of a clock that never goes back.
struct FloodGuard: Sendable {
  private var resets: TokenBucket
  private var useless: TokenBucket
  private var settings: TokenBucket

  init(limits: FloodLimits, now: UInt64) {
    resets = TokenBucket(limits.resets, now: now)
    useless = TokenBucket(limits.uselessFrames, now: now)
    settings = TokenBucket(limits.settings, now: now)
  }

  /// SETTINGS came that is no acknowledgement: it is judged before it is obeyed.
  mutating func receivedSettings(now: UInt64) -> HTTP2Error? {
    settings.take(1, now: now) ? nil : Self.flood("too many SETTINGS")
  }

  /// A piece of the peer's bytes was processed.
  ///
  /// 64 bytes of DATA pay for one frame without any use, so that WINDOW_UPDATEs and PINGs for real
  /// traffic never count against a peer, but single bytes do not pay. A header block that was accepted
  /// pays for itself and for what comes with a call.
  mutating func received(
    _ frames: FrameScanner.Summary, acceptedHeaders: Int, now: UInt64
  ) -> HTTP2Error? {
    useless.add(Double(frames.payloadBytes) / 64 + Double(5 * acceptedHeaders))
    guard frames.uselessFrames > 0 else { return nil }
    return useless.take(Double(frames.uselessFrames), now: now)
      ? nil : Self.flood("too many frames that carry nothing")
  }

  /// DATA left: the peer answers it with WINDOW_UPDATE.
  mutating func sent(payloadBytes count: Int) {
    useless.add(Double(count) / 64)
  }

  /// A server sent or received RST_STREAM. A peer can make us send it at no cost (CVE-2025-8671), so
  /// both count alike.
  mutating func reset(now: UInt64) -> HTTP2Error? {
    resets.take(1, now: now) ? nil : Self.flood("too many streams were reset")
  }

  private static func flood(_ message: String) -> HTTP2Error {
    .connection(.flood, .enhanceYourCalm, message)
  }
}
