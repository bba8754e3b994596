import NIOCore

/// Whether bytes that wait for a peer move fast enough: in each period so many of them must.
///
/// To ask for any progress at all would not do: one byte in each period keeps everything for ever.
struct Pace: Sendable {
  private var since: NIODeadline
  private var demanded: Int
  private var moved = 0
  private var pausedBefore: TimeAmount

  /// How many periods a peer may take for all that waits for it; so long it is excused, too, for
  /// what is not read from it meanwhile.
  static let periods = 20

  /// - Parameters:
  ///   - demanded: bytes that are to move until `period` is over.
  ///   - paused: for how long nothing could move until now, if that is no fault of who moves them.
  init(demanded: Int, now: NIODeadline, paused: TimeAmount = .zero) {
    self.demanded = demanded
    since = now
    pausedBefore = paused
  }

  /// Whether anything moved in the period.
  var hasMoved: Bool { moved > 0 }

  /// Whether the period began as long ago as all may take that waits.
  func isOverdue(period: TimeAmount, now: NIODeadline) -> Bool {
    now - since >= period * Self.periods
  }

  /// Bytes moved.
  mutating func move(_ count: Int) {
    moved += count
  }

  /// Whether a period is over and too little moved in it. Otherwise, if it is over, the next
  /// begins.
  ///
  /// - Parameters:
  ///   - next: what that one demands.
  ///   - paused: for how long nothing could move until now. These times do not count; but they are
  ///     no excuse for more than ``periods`` of them.
  mutating func isTooSlow(
    period: TimeAmount, next: Int, now: NIODeadline, paused: TimeAmount = .zero
  ) -> Bool {
    let excused = min(paused - pausedBefore, period * Self.periods)
    guard now - since - excused >= period else { return false }
    if moved < demanded { return true }
    self = Pace(demanded: next, now: now, paused: paused)
    return false
  }
}

/// Whether a client takes too little of all the answers of a connection together.
enum OutputSlowness {
  /// The client takes enough.
  case none
  /// Too little: those answers suffer that were being sent.
  case some
  /// Nothing of any answer.
  case all
}

extension Pace {
  /// What a client has to take of `bytes` that wait, in a period: all of a little, and of much as
  /// much as takes all of it in 20 periods.
  static func demand(ofWaiting bytes: Int) -> Int {
    min(bytes, max(16 << 10, bytes / periods))
  }
}
