import PostgreSQL

/// Ends a `Storage.start` that waits, for the database or for another node's migrations; it throws
/// then, and nothing is half done. From any thread.
public final class StartInterruption: Sendable {
  /// Nil when the process has no descriptors left: then the start fails by itself.
  let signal: StopSignal?

  /// Not raised.
  public init() { signal = try? StopSignal() }

  /// Once is enough; a start that begins later ends at once.
  public func raise() { signal?.request(gracePeriod: .zero) }
}
