/// One thread that owns one connection to PostgreSQL, with a bounded mailbox.
///
/// The body is plain blocking code on that thread: it takes what waits, all of it or one by one,
/// runs pipelines, connects again when the session is lost, and returns when it is told to stop.
/// It must take until `waitForItems` answers `stopped`, so that every accepted item is answered.
///
///     let thread = try ConnectionThread<Load>(name: "loader", settings: settings, capacity: 1000)
///       { session in
///       while true {
///         switch session.waitForItems() {
///         case .items(let loads): answer(loads, on: session)
///         case .timedOut, .connectionLost: continue
///         case .stopped: return
///         }
///       }
///     }
public final class ConnectionThread<Item: Sendable>: Sendable {
  private let mailbox: ThreadMailbox<Item>
  private let stop: StopSignal
  private let thread: JoinableThread

  /// Starts the thread; it does not connect by itself.
  ///
  /// - Parameters:
  ///   - name: shown by `top -H`, 15 bytes of it.
  ///   - settings: of every session that the body opens.
  ///   - capacity: the items that may wait; more are refused.
  ///   - body: runs once, on the thread. The session is its alone.
  /// - Throws: `connectFailed` or `configuration` when the process has no descriptors or threads
  ///   left.
  public init(
    name: String, settings: ConnectionSettings, capacity: Int,
    body: @escaping @Sendable (ConnectionSession<Item>) -> Void
  ) throws(PostgreSQLError) {
    let mailbox = try ThreadMailbox<Item>(capacity: capacity)
    let stop = try StopSignal()
    thread = try JoinableThread(name: name) {
      body(ConnectionSession(settings: settings, mailbox: mailbox, stop: stop))
      // A body that gives up early must not let items wait for nobody.
      mailbox.close()
    }
    self.mailbox = mailbox
    self.stop = stop
  }

  deinit {
    requestStop(gracePeriod: .zero)
  }

  /// Hands an item to the body. From any thread; never blocks.
  public func submit(_ item: Item) -> Submission {
    mailbox.put(item)
  }

  /// Tells the thread to end. Nothing is accepted any more, attempts to connect and pauses end at
  /// once, a pipeline in flight has `gracePeriod`. From any thread; does not wait.
  public func requestStop(gracePeriod: Duration) {
    stop.request(gracePeriod: gracePeriod)
    mailbox.close()
  }

  /// Waits until the body has returned. Blocks, so not on an event loop and not on the thread
  /// itself.
  public func join() {
    thread.join()
  }
}
