import Logging
import PostgreSQL
import ProgressorEngine

/// Holds the lease of this node, and takes over the shards of dead ones, on a connection and a
/// thread of its own.
final class LeaseKeeper: Sendable {
  enum Nudge: Sendable { case look }

  private let thread: ConnectionThread<Nudge>

  init(
    configuration: StorageConfiguration, shards: Int32, namespaces: NamespaceStore,
    watch: DatabaseWatch, progress: CommitProgress, status: StatusBoard, logger: Logger
  ) throws(PostgreSQLError) {
    var settings = configuration.settings(for: "lease")
    settings.connectTimeout = min(settings.connectTimeout, configuration.leaseDuration / 2)
    thread = try ConnectionThread(name: "pg-lease", settings: settings, capacity: 64) { session in
      var loop = LeaseLoop(
        session: session, configuration: configuration, shards: shards, namespaces: namespaces,
        watch: watch, progress: progress, status: status, logger: logger)
      loop.run()
    }
  }

  /// Something about the lease has changed: look at it now, not at the next turn. From any thread.
  func nudge() { _ = thread.submit(.look) }

  /// Releases the lease, if the database answers within `gracePeriod`. Does not wait.
  func requestStop(gracePeriod: Duration) { thread.requestStop(gracePeriod: gracePeriod) }

  /// Waits for the thread. Blocks.
  func join() { thread.join() }
}
