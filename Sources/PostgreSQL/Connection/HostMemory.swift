import Synchronization

/// Which host of a list answered last: shared by all sessions of one connection string, so that a
/// host that has gone silent costs its time once, and not once per session. libpq itself begins
/// with the first each time (PostgreSQL manual, 34.1.1.3).
final class HostMemory: Sendable {
  private let index = Atomic(0)

  /// Its place in the list; 0 before any has answered.
  var lastGood: Int { index.load(ordering: .relaxed) }

  func answered(_ host: Int) { index.store(host, ordering: .relaxed) }
}
