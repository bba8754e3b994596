public import NIOCore

/// What a channel finds out of its endpoint: once when no connection can be had, and once when that
/// is over, however often it tries meanwhile.
public enum ChannelOutage: Sendable, Hashable {
  /// The endpoint cannot be reached. Connections are wanted since then; so many calls wait for one.
  case began(since: NIODeadline, reason: String, waiting: Int)
  /// A connection works again, as has been found out just now; so many calls waited at once, at
  /// most.
  case ended(since: NIODeadline, now: NIODeadline, waited: Int)
  /// The channel was closed, or wants no connection any more: it will not say how the outage that
  /// began ends.
  case abandoned
}
