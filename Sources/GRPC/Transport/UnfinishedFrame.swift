import NIOCore

/// A frame, or a header block of several frames, that a peer has begun and not ended: since when.
///
/// Nothing else can come from the peer before it ends, on any stream; and bytes that drip into it
/// look like life to keepalive. A plain value without clock.
struct UnfinishedFrame: Sendable {
  /// Which one it is (`Session.unfinishedFrame`).
  let number: UInt64
  private let since: NIODeadline
  private let pausedBefore: TimeAmount

  /// - Parameter paused: for how long the peer had not been read until now.
  init(number: UInt64, now: NIODeadline, paused: TimeAmount) {
    self.number = number
    since = now
    pausedBefore = paused
  }

  /// When it was open for `period`, times in which the peer was not read not counted.
  func dueAt(period: TimeAmount, paused: TimeAmount) -> NIODeadline {
    since + period + (paused - pausedBefore)
  }
}
