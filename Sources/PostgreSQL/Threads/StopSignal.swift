import Synchronization

/// Tells a connection's thread to end: what has not begun is not begun, and what is in flight has
/// a grace period. Raised once, never taken back.
public final class StopSignal: Sendable {
  let wakeup: Wakeup
  private let end = Mutex<ContinuousClock.Instant?>(nil)

  /// Throws `connectFailed` when the process has no descriptors left.
  public init() throws(PostgreSQLError) {
    wakeup = try Wakeup()
  }

  /// Raises the signal; a pipeline in flight is given up after `gracePeriod`. A second call can
  /// only shorten the period. From any thread.
  public func request(gracePeriod: Duration) {
    let proposal = ContinuousClock.now.advanced(by: gracePeriod)
    end.withLock { end in end = end.map { min($0, proposal) } ?? proposal }
    wakeup.signal()
  }

  /// Whether somebody raised it. From any thread; never false again.
  public var isRequested: Bool { deadline != nil }

  /// When work in flight is given up; nil as long as the signal is not raised.
  var deadline: ContinuousClock.Instant? {
    end.withLock { $0 }
  }
}
