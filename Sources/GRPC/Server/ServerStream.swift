import HTTP2
import NIOCore
import Synchronization

/// One call on the server: from the request's header fields to the status.
///
/// What is the peer's fault becomes a status, never a trap: `refuse` and `end` say which.
/// Everything runs on the connection's event loop, but for what `UnaryResponder` and
/// `StreamResponder` use: `answer`, `send`, `isWritable`, `onWritable`, `onCancel`, `isCancelled`.
final class ServerStream: @unchecked Sendable {
  // Safe to share: `eventLoop`, `connection` and `configuration` never change, `call` is locked,
  // and all other state is touched on the event loop only.

  let eventLoop: any EventLoop
  let connection: ServerConnection
  let call = Mutex(CallState())

  /// The request's header fields; without their metadata once a handler has these.
  var head: RequestHead
  /// What the header fields take in memory.
  let headBytes: Int
  let handler: Router.Handler
  /// What was said of the caller when the call was admitted.
  let caller: (any Sendable)?
  /// Who goes with the call.
  let follower: (any CallFollower)?
  let responseEncoding: MessageEncoding
  let deadline: NIODeadline?

  /// Kept as long as the call is open on the wire or a handler has it.
  var permit: CallPermit?
  /// The stream on the wire; nil once it closed.
  var http: HTTP2Stream?
  var deframer: MessageDeframer
  /// The one request of a unary call, complete; or one of several that was inflated.
  var message: ByteBuffer?
  /// Whether the message that came last was compressed.
  var isMessageCompressed = false
  /// The compressed message that is being inflated; it comes before all others.
  var inflating: InflateJob?
  /// Takes the requests of a bidirectional call.
  var input: StreamInput?
  var phase = Phase.receiving
  var body = OutgoingMessages()
  /// The status that ends the call, once it is known.
  var ending: RPCStatus?
  var sentHead = false
  /// Whether a handler has the call and did not answer.
  var isRunning = false
  /// What this call holds of the connection's budget for requests.
  var bufferedRequestBytes = 0
  /// What this call holds of the server's budget for requests, until it is answered.
  var heldRequestBytes = 0
  /// The call's place among those that wait until the client took more of the responses.
  var ticket: WaitingLine<ServerStream>.Ticket?
  /// Bytes that are set aside for the call's answer while a handler has it.
  var reservedResponseBytes = 0
  /// The length of an answer for which there was no room.
  var neededResponseBytes = 0
  /// Has the handler answer anew when there is room.
  var again: (@Sendable () -> Void)?
  /// How many bytes of the body keep no other call from beginning.
  var harmlessBytes = 0
  /// What the status holds of the budget for answers until the stream closes.
  var bufferedStatusBytes = 0
  /// How fast the client takes a response that waits for it, and sends a request that is not
  /// complete.
  var responsePace: Pace?
  var requestPace: Pace
  /// How many bytes of an incomplete request have to come in a period.
  let demandOfRequest: Int
  let openedAt: NIODeadline
  let observer: (any CallObserver)?
  /// Of messages that came and that are sent, without their prefixes; for the observer.
  var receivedMessageBytes = 0
  var sentMessageBytes = 0

  enum Phase {
    /// The request is not complete.
    case receiving
    /// The request is complete and waits until the connection has room for its response.
    case waiting
    /// A handler has it, or the call ended.
    case begun
  }

  init(
    _ http: HTTP2Stream, head: RequestHead, headBytes: Int, method: Router.Method,
    caller: (any Sendable)?, follower: (any CallFollower)?, permit: consuming CallPermit,
    connection: ServerConnection, now: NIODeadline
  ) {
    self.permit = consume permit
    self.http = http
    self.head = head
    self.headBytes = headBytes
    handler = method.handler
    self.caller = caller
    self.follower = follower
    self.connection = connection
    eventLoop = connection.eventLoop
    deadline = head.timeout.map { Timeout.deadline(after: $0, from: now) }
    deframer = MessageDeframer(
      maximumMessageSize: connection.configuration.maxMessageSize, encoding: head.encoding)
    let compresses = connection.configuration.compressResponses && head.acceptsGzip
    responseEncoding = compresses ? .gzip : .identity
    if case .bidirectional = method.handler {
      demandOfRequest = 1
    } else {
      demandOfRequest = 1 << 10
    }
    requestPace = Pace(
      demanded: demandOfRequest, now: now, paused: connection.driver.pauses.total(now: now))
    openedAt = now
    observer = method.observer
  }

  // MARK: Any thread

  /// Whether its answer has parts; that of a unary call is one.
  var saysMuch: Bool {
    if case .unary = handler { return false }
    return true
  }

  /// The stream's identifier while it is open.
  var id: Int32? { http?.id }

  var isCancelled: Bool { call.withLock { $0.isCancelled } }

  var isWritable: Bool {
    call.withLock {
      $0.isWritable(
        limit: connection.configuration.maxBufferedResponseBytes,
        connectionHasRoom: connection.findsRoom())
    }
  }

  func answer(_ answer: Answer) {
    let released = call.withLock { $0.answer() }
    guard released != nil else { return }
    connection.deliver(answer, of: self)
  }

  func send(_ message: ByteBuffer, compressed: Bool) -> Bool {
    let size = MessageDeframer.prefixLength + message.readableBytes
    var cut: (call: (@Sendable () -> Void)?, released: CallState.Released)?
    let isTaken = call.withLock { call in
      guard
        message.readableBytes <= UInt32.max,
        call.isWritable(
          limit: connection.configuration.maxBufferedResponseBytes,
          connectionHasRoom: connection.findsRoom())
      else { return false }
      if size > Self.shortMessage, !connection.mayHoldResponse(size) {
        cut = call.cancel()
        return false
      }
      call.buffered(size)
      return true
    }
    if let cut {
      connection.counters.responseBytesRefused.wrappingAdd(1, ordering: .relaxed)
      connection.deliver(.cut(.tooMuchUnread), of: self)
      // Not while its handler is busy with this message.
      eventLoop.execute { cut.call?() }
    }
    guard isTaken else { return false }
    connection.bufferResponse(size)
    connection.deliver(.part(message, compressed: compressed), of: self)
    return true
  }

  /// A message of a stream of at most this many bytes needs no room in the budget for answers.
  private static let shortMessage = 1 << 10

  func sendHeaders(_ headers: Metadata) {
    guard !call.withLock({ $0.isOver }) else { return }
    connection.deliver(.headers(headers), of: self)
  }

  func onWritable(_ body: @escaping @Sendable () -> Void) {
    _ = call.withLock { $0.onWritable(body) }
  }

  func onCancel(_ body: @escaping @Sendable () -> Void) {
    let (isRegistered, _) = call.withLock { $0.onCancel(body) }
    if !isRegistered { body() }
  }
}

// MARK: The stream on the wire

extension ServerStream: StreamDelegate {
  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    // A request's own fields came before this object; trailers of a request mean nothing to gRPC.
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    requestPace.move(data.byteCount)
    guard ending == nil, !call.withLock({ $0.isOver }) else {
      stream.consume(data.byteCount)
      return
    }
    if case .bidirectional = handler {
      deframer.append(data)
      deliverRequests()
      if ending == nil, !holdRequest(receivedBytes) {
        abort(.tooMuchUnderWay)
      }
      return
    }
    do throws(RPCStatus) { try receiveUnary(data, stream) } catch { fail(error) }
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    guard ending == nil else { return }
    if case .bidirectional = handler {
      deliverRequests()
    } else {
      do throws(RPCStatus) { try completeUnary() } catch { fail(error) }
    }
  }

  func stream(_ stream: HTTP2Stream, readBodyInto output: inout BodyWriter) -> BodyProgress {
    body.write(into: &output)
    if output.byteCount > 0 {
      connection.lifetime.sentCallFrames()
      responsePace?.move(output.byteCount)
      connection.outputPace.move(output.byteCount)
      countSent(output.byteCount)
      countHarmless()
    }
    guard body.isEmpty, let ending else { return .open }
    if ending.isOK, ending.trailers.isEmpty, ending.message.isEmpty, ending.details == nil {
      stream.submitTrailers(prefix: AnswerFields.ok)
    } else {
      stream.submitTrailers(
        AnswerFields.status(ending, limit: connection.clientHeaderListSize))
    }
    return .trailers
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    http = nil
    if ending == nil { observe(.cancelled) }
    phase = .begun
    message = nil
    stopInflating()
    // It may be all that has the responder, which is not to answer before the handler has heard.
    let released = input.take()
    defer { withExtendedLifetime(released) {} }
    releaseRequest()
    connection.bufferResponse(-body.byteCount - bufferedStatusBytes)
    bufferedStatusBytes = 0
    body = OutgoingMessages()
    countHarmless()
    stopWaiting()
    cancel()
    connection.closedStream()
    if !isRunning {
      forgetRequest()
      permit = nil
    }
  }
}
