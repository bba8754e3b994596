import Synchronization

/// Which address of a list answered last: shared by all sessions of one connection string, so that
/// one that has gone silent costs its time once, and not once per session. libpq itself begins
/// with the first each time (PostgreSQL manual, 34.1.1.3).
final class HostMemory: Sendable {
  /// An address, as the place of its host in the list and what the host's name led to.
  struct Place: Hashable {
    var host: Int
    /// nil = the host was not looked up.
    var address: String?
  }

  private let place = Mutex<Place?>(nil)

  /// nil before any has answered.
  var lastGood: Place? { place.withLock { $0 } }

  func answered(_ place: Place) { self.place.withLock { $0 = place } }
}
