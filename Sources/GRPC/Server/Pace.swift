import NIOCore

/// Whether bytes that wait for a peer move fast enough: in each period so many of them must.
///
/// To ask for any progress at all would not do: one byte in each period keeps everything for ever.
struct Pace: Sendable {
  private var since: NIODeadline
  private var demanded: Int
  private var moved = 0

  /// - Parameter demanded: bytes that are to move until `period` is over.
  init(demanded: Int, now: NIODeadline) {
    self.demanded = demanded
    since = now
  }

  /// Bytes moved.
  mutating func move(_ count: Int) {
    moved += count
  }

  /// Whether a period is over and too little moved in it. Otherwise, if it is over, the next begins.
  ///
  /// - Parameter next: what that one demands.
  mutating func isTooSlow(period: TimeAmount, next: Int, now: NIODeadline) -> Bool {
    guard now - since >= period else { return false }
    if moved < demanded { return true }
    self = Pace(demanded: next, now: now)
    return false
  }
}

extension Pace {
  /// What a client has to take of so many bytes in a period: all of a little, and of much as much as
  /// takes all of it in 20 periods.
  static func demand(ofWaiting bytes: Int) -> Int {
    min(bytes, max(16 << 10, bytes / 20))
  }
}
