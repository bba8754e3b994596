public import NIOCore

/// Answers one call with any number of messages. May be used from any thread.
///
/// It never holds more than the configured bytes (64 KiB beside the message that exceeds them): a
/// message that would come on top is refused by `send`, and `onWritable` says when to go on. A
/// responder that is dropped before `finish` fails its call with INTERNAL.
public final class StreamResponder: Sendable {
  private let stream: ServerStream

  init(_ stream: ServerStream) {
    self.stream = stream
  }

  deinit {
    stream.answer(.status(.unanswered))
  }

  /// The connection's event loop, which called the handler.
  public var eventLoop: any EventLoop { stream.eventLoop }

  /// Whether the call is over without this responder.
  public var isCancelled: Bool { stream.isCancelled }

  /// Whether `send` takes another message now.
  public var isWritable: Bool { stream.isWritable }

  /// Sends metadata before the first message, and so tells the client that its call was taken.
  /// Ignored once something was sent.
  public func sendHeaders(_ headers: Metadata) {
    stream.sendHeaders(headers)
  }

  /// Sends a message.
  ///
  /// - Parameter compressed: whether it may go compressed
  ///   (``ServerConfiguration/compressResponses``).
  /// - Returns: whether it was taken. It is refused when too much waits to be sent already, and
  ///   when the call is over. Where the server holds as many unread bytes of all clients as it may,
  ///   a message of more than 1 KiB ends the call with RESOURCE_EXHAUSTED; `onCancel` tells of it.
  @discardableResult
  public func send(_ message: ByteBuffer, compressed: Bool = true) -> Bool {
    stream.send(message, compressed: compressed)
  }

  /// Ends the call after what was sent, with OK or an error.
  public func finish(_ status: RPCStatus = .ok) {
    stream.answer(.status(status))
  }

  /// Has `body` called each time `send` takes messages again after it refused one or `isWritable`
  /// was false. On the connection's loop. A later `body` replaces the earlier.
  public func onWritable(_ body: @escaping @Sendable () -> Void) {
    stream.onWritable(body)
  }

  /// Has `body` called when the call is over without `finish`: the client reset it or is gone, its
  /// deadline passed, or `send` ended it. At most once, on the connection's loop; at once, on the
  /// caller's thread, if that has happened already. A later `body` replaces the earlier.
  public func onCancel(_ body: @escaping @Sendable () -> Void) {
    stream.onCancel(body)
  }
}
