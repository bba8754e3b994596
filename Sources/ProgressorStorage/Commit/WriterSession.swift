import Logging
import PostgreSQL
import ProgressorEngine

/// The session of one writer: named after its node, on the database that is known, with its epoch
/// raised. A session that is not all of this writes nothing. Confined to the writer's thread.
final class WriterSession<Item: Sendable> {
  private let session: ConnectionSession<Item>
  private let slot: Int
  private let watch: DatabaseWatch
  private let configuration: StorageConfiguration
  /// Set while the open connection may write.
  private var identity: WriterIdentity?

  init(
    _ session: ConnectionSession<Item>, slot: Int, watch: DatabaseWatch,
    configuration: StorageConfiguration
  ) {
    self.session = session
    self.slot = slot
    self.watch = watch
    self.configuration = configuration
  }

  /// Everything has an end after the lease: without an answer by then, another node may own all.
  var timeout: Duration { configuration.leaseDuration }

  /// The connection to write on as `node`; nil when the lease of `node` is over.
  ///
  /// A new session raises the epoch of the writer's row before anything else: that waits for the
  /// batch that an earlier session left behind, or stops it, since an UPDATE waits for the row's
  /// lock (PostgreSQL manual, 13.2.1). So what is read afterwards stays true.
  func open(for node: SQLUUID) throws(PostgreSQLError) -> (Connection, WriterIdentity)? {
    if let connection = session.connection, let identity, identity.node == node {
      return (connection, identity)
    }
    close()
    let name = SessionName.writer(of: node, slot: slot)
    let connection = try watch.connect(session, timeout: timeout) {
      (connection) throws(PostgreSQLError) in
      _ = try connection.run(
        Statements.sessionName, .with { $0.append(name) }, timeout: timeout)
    }
    guard watch.lease.holds(node), let epoch = try raiseEpoch(connection, node) else { return nil }
    let raised = WriterIdentity(node: node, slot: slot, epoch: epoch)
    identity = raised
    return (connection, raised)
  }

  func close() {
    identity = nil
    session.disconnect()
  }

  /// The new epoch; nil when the writer's row is gone: the node was taken over.
  ///
  /// A session whose client is frozen or cut off in the middle of a batch holds the row for ever,
  /// and no timeout of the server ends it: after one second it is ended from here.
  private func raiseEpoch(
    _ connection: Connection, _ node: SQLUUID
  ) throws(PostgreSQLError) -> Int64? {
    var pipeline = Pipeline()
    let lockTimeout = min(1_000, timeout.microseconds / 10_000)
    pipeline.append(Statements.sessionLockTimeout, .with { $0.append("\(lockTimeout)") })
    pipeline.append(
      Statements.raiseEpoch,
      .with {
        $0.append(node)
        $0.append(Int32(slot))
      })
    while true {
      do {
        return try connection.run(pipeline, timeout: timeout)[1].first?.value(0)
      } catch {
        guard error.sqlState == .lockNotAvailable, !session.isStopping, watch.lease.holds(node)
        else { throw error }
        _ = try connection.run(
          Statements.sessionEndOthers,
          .with { $0.append(SessionName.writer(of: node, slot: slot)) }, timeout: timeout)
      }
    }
  }
}
