import NIOCore

/// For how long a connection was not read, because its peer does not take what waits for it: what
/// the peer may have sent meanwhile is not missing.
///
/// A plain value without clock: both ends of each pause go in with their time.
struct ReadingPauses: Sendable {
  private var ended = TimeAmount.zero
  private var since: NIODeadline?

  /// Whether the connection is not read now.
  var isPaused: Bool { since != nil }

  /// A pause begins, unless there is one.
  mutating func begin(now: NIODeadline) {
    if since == nil { since = now }
  }

  /// The pause is over, if there is one.
  mutating func end(now: NIODeadline) {
    if let since { ended = ended + (now - since) }
    since = nil
  }

  /// The length of all pauses so far.
  func total(now: NIODeadline) -> TimeAmount {
    since.map { ended + (now - $0) } ?? ended
  }
}
