#if DEBUG || SWITCHABLE_SAFEGUARDS
  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #else
    import Darwin
  #endif
#endif

/// What keeps acknowledged steps right when everything fails, by name: so that the tests can be
/// tested. `scripts/mutations` switches one off at a time and shows that some test notices.
///
/// Only a debug build has the switch, an environment variable that is read once, and the simulation
/// that `scripts/mutations` builds for itself. In a release build `isOn` is the constant `true`:
/// neither the variable nor the other branch is there.
package enum Safeguard: String, Sendable, Hashable, CaseIterable {
  /// The fence locks the writer's row until the commit, so that a takeover waits for it.
  case fenceLock = "fence-lock"
  /// The fence raises an error: no rows alone would not stop a pipeline.
  case fenceRaise = "fence-raise"
  /// After a lost session the writer's epoch is raised before anything is read.
  case fenceBeforeRead = "fence-before-read"
  /// A step names the version of the machine that it changes.
  case versionCheck = "version-check"
  /// Without a lease that holds no step begins and no memory is read.
  case leaseDeadline = "lease-deadline"
  /// What an idempotency key remembers is the reply.
  case idempotency = "idempotency"
  /// The attempts of a timeout or notification are counted in the database.
  case retryCounter = "retry-counter"
  /// The head of the queue is delivered first.
  case notificationOrder = "notification-order"
  /// SQLSTATE says whether a step is at fault, or the database.
  case sqlStateClasses = "sqlstate-classes"
  /// A status that the processor did not send is transient, whatever its code.
  case madeUpStatus = "made-up-status"
  /// A machine that is started again under its id has a key of its own.
  case incarnation = "incarnation"
  /// A new session looks whether the database is the one that was known.
  case timelineCheck = "timeline-check"
  /// Entries of the feed are numbered behind all that were numbered, gone ones included.
  case feedNumbers = "feed-numbers"
  /// A sink acknowledges nothing but what has arrived.
  case sinkReceipts = "sink-receipts"

  #if DEBUG || SWITCHABLE_SAFEGUARDS
    /// The environment variable that names the safeguard to switch off.
    package static let variable = "PROGRESSOR_TEST_SAFEGUARD_OFF"

    private static let switchedOff: Safeguard? =
      if let name = unsafe getenv(variable) {
        unsafe Safeguard(rawValue: String(cString: name))
      } else {
        nil
      }

    package var isOn: Bool { Safeguard.switchedOff != self }
  #else
    @inlinable package var isOn: Bool { true }
  #endif
}
