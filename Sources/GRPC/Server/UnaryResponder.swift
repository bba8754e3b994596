public import NIOCore

/// Answers one unary call. May be used from any thread; the first answer counts, later ones are
/// ignored, also those after the client went away.
///
/// On the connection's event loop an answer is queued at once, from other threads it is handed
/// over; all answers of one turn of the loop leave in one write. A responder that is dropped
/// without an answer fails its call with INTERNAL.
public final class UnaryResponder: Sendable {
  private let stream: ServerStream

  init(_ stream: ServerStream) {
    self.stream = stream
  }

  deinit {
    stream.answer(.status(.unanswered))
  }

  /// The connection's event loop, which called the handler.
  public var eventLoop: any EventLoop { stream.eventLoop }

  /// Whether the call is over without this responder: the client reset it or is gone, or its
  /// deadline passed.
  public var isCancelled: Bool { stream.isCancelled }

  /// Answers with a message, and OK.
  ///
  /// A message above 2^32 - 1 bytes, which the format cannot express, is answered with INTERNAL.
  ///
  /// - Parameters:
  ///   - headers: metadata that goes before the message.
  ///   - trailers: metadata that goes after it.
  ///   - compressed: whether it may go compressed (``ServerConfiguration/compressResponses``).
  public func respond(
    _ message: ByteBuffer, headers: Metadata = Metadata(), trailers: Metadata = Metadata(),
    compressed: Bool = true
  ) {
    stream.answer(
      .message(message, headers: headers, trailers: trailers, compressed: compressed))
  }

  /// Says about how long the answer will be before it is made, so that as much as fits is made for
  /// a client that does not read. On the connection's loop only.
  ///
  /// - Parameters:
  ///   - bytes: the length of the message, or somewhat more.
  ///   - again: asks for the answer anew. Called on the loop when there is room, unless the call
  ///     ends before; until then the handler is to keep nothing of it.
  /// - Returns: whether to answer now. If not, the call waits, or was refused because the server
  ///   holds as much as it may.
  public func makeRoom(for bytes: Int, again: @escaping @Sendable () -> Void) -> Bool {
    stream.makeRoom(for: bytes, again: again)
  }

  /// Answers with a status; without anything before it, so a client may retry (Trailers-Only).
  public func fail(_ status: RPCStatus) {
    stream.answer(.status(status))
  }

  /// Has `body` called when the call is over without an answer of this responder: the client reset
  /// it or is gone, or its deadline passed. At most once, on the connection's loop; at once, on the
  /// caller's thread, if that has happened already. A later `body` replaces the earlier.
  public func onCancel(_ body: @escaping @Sendable () -> Void) {
    stream.onCancel(body)
  }
}

extension RPCStatus {
  /// What a client is told when a handler let its responder go.
  static let unanswered = RPCStatus(
    code: .internalError, message: "the server gave no answer to the call")
}
