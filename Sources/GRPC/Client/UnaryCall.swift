import NIOCore

/// A call that was started, as the pool keeps it: the handle to cancel a unary one by.
public final class UnaryCall: @unchecked Sendable {
  // Safe to share: constants are immutable, and every variable is touched on the channel's event
  // loop only.

  let pool: ConnectionPool
  let path: String
  let metadata: Metadata
  let waitsForReady: Bool
  /// When the call ends at the latest; `.distantFuture` when that is open.
  let expiry: NIODeadline
  /// How long an attempt may take from when it is sent; nil = until ``expiry``.
  let timeout: TimeAmount?
  /// When the pool looks at the call next: when the attempt under way or the call ends, or a moment
  /// before ``expiry``, to tell a caller who waits for a peer in vain so before it stops listening.
  var deadline: NIODeadline
  /// When the call is told that it waits in vain, if it waits.
  var notice: NIODeadline

  /// The message, until the call is admitted.
  var message: ByteBuffer
  /// What it sends and hears, if it is a streaming call. Then ``message`` is empty.
  let exchange: StreamingCall?
  /// It is several messages, each with its prefix.
  let isFramed: Bool
  /// The request's body, from when the call is admitted until it ends.
  var body: RequestBody?
  /// The attempt that is under way.
  var stream: (any ClientAttempt)?
  /// Whether the one repetition after the peer refused an attempt was used.
  var hasRepeated = false
  /// Whether the call waits in the channel's queue.
  var isQueued = false
  var heapIndex: Int?
  private var completion: (@Sendable (UnaryResult) -> Void)?

  init(
    pool: ConnectionPool, path: String, metadata: Metadata, message: ByteBuffer, isFramed: Bool,
    deadline: NIODeadline?, timeout: TimeAmount?, waitsForReady: Bool,
    exchange: StreamingCall? = nil,
    completion: @escaping @Sendable (UnaryResult) -> Void
  ) {
    self.pool = pool
    self.path = path
    self.metadata = metadata
    self.message = message
    self.isFramed = isFramed
    self.exchange = exchange
    expiry = deadline ?? .distantFuture
    self.deadline = expiry
    notice = expiry
    self.timeout = timeout
    self.waitsForReady = waitsForReady
    self.completion = completion
  }

  /// Cancels the call: it ends with CANCELLED, unless it has ended. Callable from any thread; on
  /// the channel's loop the completion is called before this method returns.
  public func cancel() {
    if pool.eventLoop.inEventLoop {
      pool.cancel(self)
    } else {
      pool.eventLoop.execute { self.pool.cancel(self) }
    }
  }

  /// Cancels the call if it waits for a connection: then the peer has not seen it. On the channel's
  /// loop only.
  public func cancelUnlessSent() {
    if stream == nil { pool.cancel(self) }
  }

  /// When a call that began at `begin`, waits for a connection in vain and ends at `expiry` is told
  /// so: early enough for its caller's caller to hear it before it stops listening. That is a
  /// twentieth of its time before its end, at least 50 and at most 500 ms, and half of a time that
  /// is shorter than 100 ms.
  static func notice(begin: NIODeadline, expiry: NIODeadline) -> NIODeadline {
    guard expiry < .distantFuture else { return expiry }
    let time = max(0, (expiry - begin).nanoseconds)
    let margin = min(max(time / 20, 50_000_000), 500_000_000)
    return expiry - .nanoseconds(min(margin, time / 2))
  }

  /// Whether the completion was called.
  var isFinished: Bool { completion == nil }

  /// Marks the call as finished and gives its completion out, once.
  func finish() -> (@Sendable (UnaryResult) -> Void)? {
    body = nil
    exchange?.requests = OutgoingMessages()
    defer { completion = nil }
    return completion
  }
}

extension UnaryCall: PooledCall {}
