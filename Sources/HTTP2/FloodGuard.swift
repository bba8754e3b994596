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
    pass(until: now)
    guard tokens >= count else { return false }
    tokens -= count
    return true
  }

  /// Gives tokens back. What is above the burst then is gone after a few seconds: so a peer whose
  /// frames are paid for may send them all at once, but cannot save up.
  mutating func add(_ count: Double, now: UInt64) {
    pass(until: now)
    tokens += count
  }

  /// Whether at least half of the burst is there.
  mutating func isHalfFull(now: UInt64) -> Bool {
    pass(until: now)
    return tokens * 2 >= rate.burst
  }

  /// Takes tokens that may not be there yet: then ``debtEnd(now:)`` says when they will be.
  mutating func borrow(_ count: Double, now: UInt64) {
    pass(until: now)
    tokens -= count
  }

  /// When what was borrowed will be paid back; nil = it is.
  func debtEnd(now: UInt64) -> UInt64? {
    guard tokens < 0 else { return nil }
    let end = Double(refilledAt) + -tokens / max(rate.perSecond, 1e-3) * 1e9
    // Rounded up, so that nothing is owed any more when the time has come.
    let time = UInt64(min(end.rounded(.up), 9e18)) + 1_000
    return time > now ? time : nil
  }

  private mutating func pass(until now: UInt64) {
    guard now > refilledAt else { return }
    let seconds = Double(now - refilledAt) / 1e9
    refilledAt = now
    if tokens > rate.burst {
      tokens = rate.burst + (tokens - rate.burst) / (1 + seconds)
    } else {
      tokens = min(rate.burst, tokens + seconds * rate.perSecond)
    }
  }
}

/// Notices a peer that keeps us busy without doing anything useful (RFC 9113 section 10.5).
///
/// A value without IO or clock: frames go in, an error comes out when a bound was exceeded. Times
/// are nanoseconds of a clock that never goes back.
struct FloodGuard: Sendable {
  private var resets: TokenBucket
  private var excusedResets: TokenBucket
  private var useless: TokenBucket
  private var settings: TokenBucket

  init(limits: FloodLimits, now: UInt64) {
    resets = TokenBucket(limits.resets, now: now)
    excusedResets = TokenBucket(limits.excusedResets, now: now)
    useless = TokenBucket(limits.uselessFrames, now: now)
    settings = TokenBucket(limits.settings, now: now)
  }

  /// SETTINGS came that is no acknowledgement: it is judged before it is obeyed.
  mutating func receivedSettings(now: UInt64) -> HTTP2Error? {
    settings.take(1, now: now) ? nil : Self.flood("too many SETTINGS")
  }

  /// What an accepted header block pays for: itself, and what comes with a call.
  private static let paidByHeaders = 5.0
  /// What our last frame of a call pays for: the WINDOW_UPDATEs that acknowledge what we sent.
  private static let paidByEnd = 3.0
  /// Bytes that pay for a frame: WINDOW_UPDATEs and PINGs for real traffic never count against a
  /// peer, but single bytes do not pay.
  private static let bytesPerFrame = 64.0

  /// A piece of the peer's bytes was processed: its frames, less what they pay themselves, are
  /// taken at once. So it does not matter how many calls or answers come in one piece.
  ///
  /// - Parameters:
  ///   - acceptedHeaders: header blocks that began a call, or that belong to its answer.
  ///   - wastedHeaderBytes: what was decoded of lists above their limit. Bytes that really came pay
  ///     for 16 times as many; the rest is what references to the table made of them.
  mutating func received(
    _ frames: FrameScanner.Summary, acceptedHeaders: Int, wastedHeaderBytes: Int, now: UInt64
  ) -> HTTP2Error? {
    let waste = max(0, wastedHeaderBytes - 16 * frames.headerBytes) / 1024
    let cost = Double(frames.frames + waste)
    let paid =
      Double(frames.payloadBytes) / Self.bytesPerFrame
      + Self.paidByHeaders * Double(acceptedHeaders)
    guard cost > paid else {
      useless.add(paid - cost, now: now)
      return nil
    }
    return useless.take(cost - paid, now: now)
      ? nil : Self.flood("too many frames that carry nothing")
  }

  /// DATA left: the peer answers it with WINDOW_UPDATE.
  mutating func sent(payloadBytes count: Int, now: UInt64) {
    useless.add(Double(count) / Self.bytesPerFrame, now: now)
  }

  /// The last frame of a call left.
  mutating func sentEnd(now: UInt64) {
    useless.add(Self.paidByEnd, now: now)
  }

  /// A server sent or received RST_STREAM. A peer can make us send it at no cost (CVE-2025-8671),
  /// so both count alike.
  mutating func reset(now: UInt64) -> HTTP2Error? {
    resets.take(1, now: now) ? nil : Self.flood("too many streams were reset")
  }

  /// A stream was refused: what a correct client has open is more than it knows, because calls that
  /// it has given up still run. Unless it gave up many in haste: then this goes on with it.
  mutating func refused(now: UInt64) -> HTTP2Error? {
    if !resets.isHalfFull(now: now) { return reset(now: now) }
    excusedReset(hadBegunWork: false, now: now)
    return nil
  }

  /// A stream was reset when its time was all but over: no fault of the peer's, so it only waits
  /// until its turn comes.
  mutating func excusedReset(hadBegunWork: Bool, now: UInt64) {
    excusedResets.borrow(hadBegunWork ? Self.costOfWork : 1, now: now)
  }

  /// What a reset costs that makes useless what was done for the stream; 1 = reading it.
  private static let costOfWork = 5.0

  /// When the peer is to be read again, after more of these than its share; nil = now.
  func pauseEnd(now: UInt64) -> UInt64? {
    excusedResets.debtEnd(now: now)
  }

  private static func flood(_ message: String) -> HTTP2Error {
    .connection(.flood, .enhanceYourCalm, message)
  }
}
