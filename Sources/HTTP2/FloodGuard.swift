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

  /// Takes one token; false when none is left.
  mutating func take(now: UInt64) -> Bool {
    if now > refilledAt {
      add(Double(now - refilledAt) / 1e9 * rate.perSecond)
      refilledAt = now
    }
    guard tokens >= 1 else { return false }
    tokens -= 1
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
  /// The kinds of received frames, as far as they differ here.
  enum ReceivedFrame: Sendable {
    /// DATA that may carry bytes, or anything that nghttp2 bounds itself.
    case useful
    /// A frame that carries nothing, or whose use shows only later (then it is credited).
    case useless
    /// SETTINGS that is no acknowledgement.
    case settings
  }

  private var resets: TokenBucket
  private var useless: TokenBucket
  private var settings: TokenBucket

  init(limits: FloodLimits, now: UInt64) {
    resets = TokenBucket(limits.resets, now: now)
    useless = TokenBucket(limits.uselessFrames, now: now)
    settings = TokenBucket(limits.settings, now: now)
  }

  /// A frame's header was read.
  mutating func receive(_ frame: ReceivedFrame, now: UInt64) -> HTTP2Error? {
    switch frame {
    case .useful:
      return nil
    case .useless:
      return useless.take(now: now) ? nil : Self.flood("too many frames that carry nothing")
    case .settings:
      return settings.take(now: now) ? nil : Self.flood("too many SETTINGS")
    }
  }

  /// Payload bytes went either way: 64 of them pay for one frame without any, so that a peer's
  /// WINDOW_UPDATEs and PINGs for real traffic never count against it, but single bytes do not pay.
  mutating func moved(payloadBytes count: Int) {
    useless.add(Double(count) / 64)
  }

  /// A header block was accepted for a stream: it pays for itself and for the WINDOW_UPDATEs and PINGs
  /// that come with a call.
  mutating func acceptedHeaders() {
    useless.add(5)
  }

  /// We sent RST_STREAM. A peer can make us do so at no cost (CVE-2025-8671), so it is bounded like
  /// the peer's own resets.
  mutating func sentReset(now: UInt64) -> HTTP2Error? {
    resets.take(now: now) ? nil : Self.flood("too many streams had to be reset")
  }

  private static func flood(_ message: String) -> HTTP2Error {
    .connection(.flood, .enhanceYourCalm, message)
  }
}
