import HTTP2
import NIOCore
import Synchronization

/// One call on the server: from the request's header fields to the status.
///
/// What is the peer's fault becomes a status, never a trap: `refuse` and `end` say which. Everything
/// runs on the connection's event loop, but for what `UnaryResponder` and `StreamResponder` use:
/// `answer`, `send`, `isWritable`, `onWritable`, `onCancel`, `isCancelled`.
final class ServerStream: @unchecked Sendable {
  // Safe to share: `eventLoop`, `connection` and `configuration` never change, `call` is locked, and
  // all other state is touched on the event loop only.

  let eventLoop: any EventLoop
  let connection: ServerConnectionHandler
  private let call = Mutex(CallState())

  private let head: RequestHead
  private let handler: Router.Handler
  private let responseEncoding: MessageEncoding
  private let deadline: NIODeadline?

  /// The stream on the wire; nil once it closed.
  private var http: HTTP2Stream?
  private var deframer: MessageDeframer
  /// The one request of a unary call, complete.
  private var message: ByteBuffer?
  /// Takes the requests of a bidirectional call.
  private var input: StreamInput?
  private var phase = Phase.receiving
  private var body = ResponseBody()
  /// The status that ends the call, once it is known.
  private var ending: RPCStatus?
  private var sentHead = false
  /// Whether a handler has the call and did not answer.
  private var isRunning = false
  /// What this call holds of the connection's budget for requests.
  private var bufferedRequestBytes = 0
  /// When the client last took something of the response.
  private(set) var lastProgress: NIODeadline

  private enum Phase {
    /// The request is not complete.
    case receiving
    /// The request is complete and waits until the connection has room for its response.
    case waiting
    /// A handler has it, or the call ended.
    case begun
  }

  init(
    _ http: HTTP2Stream, head: RequestHead, handler: Router.Handler,
    connection: ServerConnectionHandler, now: NIODeadline
  ) {
    self.http = http
    self.head = head
    self.handler = handler
    self.connection = connection
    eventLoop = connection.eventLoop
    deadline = head.timeout.map { Timeout.deadline(after: $0, from: now) }
    deframer = MessageDeframer(
      maximumMessageSize: connection.configuration.maxMessageSize, encoding: head.encoding)
    let compresses = connection.configuration.compressResponses && head.acceptsGzip
    responseEncoding = compresses ? .gzip : .identity
    lastProgress = now
  }

  // MARK: Any thread

  /// The stream's identifier while it is open.
  var id: Int32? { http?.id }

  var isCancelled: Bool { call.withLock { $0.isCancelled } }

  var isWritable: Bool {
    call.withLock {
      $0.isWritable(
        limit: connection.configuration.maxBufferedResponseBytes,
        connectionHasRoom: connection.hasRoomForResponses)
    }
  }

  func answer(_ answer: Answer) {
    let released = call.withLock { $0.answer() }
    guard released != nil else { return }
    connection.deliver(answer, of: self)
  }

  func send(_ message: ByteBuffer) -> Bool {
    let size = MessageDeframer.prefixLength + message.readableBytes
    let isTaken = call.withLock { call in
      guard
        message.readableBytes <= UInt32.max,
        call.isWritable(
          limit: connection.configuration.maxBufferedResponseBytes,
          connectionHasRoom: connection.hasRoomForResponses)
      else { return false }
      call.buffered(size)
      return true
    }
    guard isTaken else { return false }
    connection.bufferResponse(size)
    connection.deliver(.part(message), of: self)
    return true
  }

  func onWritable(_ body: @escaping @Sendable () -> Void) {
    _ = call.withLock { $0.onWritable(body) }
  }

  func onCancel(_ body: @escaping @Sendable () -> Void) {
    let (isRegistered, _) = call.withLock { $0.onCancel(body) }
    if !isRegistered { body() }
  }

  // MARK: The request

  /// Begins a call whose request arrives in parts; unary ones begin when the request is complete.
  func start() {
    if let deadline { connection.insert(deadline: deadline, of: self) }
    guard case .bidirectional(let handler) = handler else { return }
    phase = .begun
    isRunning = true
    let request = StreamRequest(
      path: head.path, metadata: head.metadata, deadline: deadline, peer: connection.peer)
    input = handler(request, StreamResponder(self))
  }

  /// Takes bytes of a unary request. They are consumed at once: the message's limit and the
  /// connection's budget bound them.
  private func receiveUnary(_ data: RawSpan, _ http: HTTP2Stream) throws(RPCStatus) {
    http.consume(data.byteCount)
    deframer.append(data)
    if message == nil { message = try nextMessage() }
    if message != nil, deframer.bufferedBytes > 0 { throw .tooManyRequests }
    let buffered = deframer.bufferedBytes + (message?.readableBytes ?? 0)
    guard connection.bufferRequest(buffered - bufferedRequestBytes) else { throw .tooMuchUnderWay }
    bufferedRequestBytes = buffered
  }

  private func nextMessage() throws(RPCStatus) -> ByteBuffer? {
    do throws(FramingError) {
      return try deframer.next()
    } catch {
      // The same message would be too long each time.
      if case .messageTooLarge = error { throw error.status.withoutRetry }
      throw error.status
    }
  }

  private func finishDeframing() throws(RPCStatus) {
    do throws(FramingError) { try deframer.finish() } catch { throw error.status }
  }

  private func completeUnary() throws(RPCStatus) {
    guard message != nil else {
      try finishDeframing()
      throw .noRequest
    }
    phase = .waiting
    if connection.mayBegin(self) { begin() }
  }

  /// Hands a complete unary request to its handler.
  func begin() {
    guard case .waiting = phase, let message else { return }
    phase = .begun
    self.message = nil
    releaseRequest()
    isRunning = true
    let request = UnaryRequest(
      path: head.path, metadata: head.metadata, deadline: deadline, message: message,
      peer: connection.peer)
    switch handler {
    case .unary(let handler): handler(request, UnaryResponder(self))
    case .serverStreaming(let handler): handler(request, StreamResponder(self))
    case .bidirectional: break
    }
  }

  /// Delivers requests of a bidirectional call as long as answers have room. Bytes are consumed unless
  /// a complete message had to wait: so a client that does not read cannot send for ever either.
  private func deliverRequests() {
    guard let http, let input, ending == nil else { return }
    do throws(RPCStatus) {
      while isWritable {
        guard let message = try nextMessage() else {
          http.consume(http.unconsumedBytes)
          break
        }
        input.message(message)
        if ending != nil || call.withLock({ $0.isOver }) { return }
      }
      if http.isRemoteClosed, isWritable {
        try finishDeframing()
        self.input = nil
        input.end()
      }
    } catch {
      end(error)
      cancel()
    }
  }

  private func releaseRequest() {
    _ = connection.bufferRequest(-bufferedRequestBytes)
    bufferedRequestBytes = 0
  }

  // MARK: The response

  /// Does what a responder said. On the loop.
  func perform(_ answer: Answer) {
    switch answer {
    case .message(let message, let trailers):
      finishRunning()
      guard ending == nil, http != nil else { return }
      guard message.readableBytes <= UInt32.max else { return end(.responseTooLarge) }
      ending = RPCStatus(code: .ok, trailers: trailers)
      connection.bufferResponse(MessageDeframer.prefixLength + message.readableBytes)
      append(message)
    case .part(let message):
      guard ending == nil, http != nil else {
        connection.bufferResponse(-MessageDeframer.prefixLength - message.readableBytes)
        return
      }
      append(message)
    case .status(let status):
      finishRunning()
      end(status)
    }
  }

  private func append(_ message: ByteBuffer) {
    guard let http else { return }
    let before = body.byteCount
    let wasEmpty = body.isEmpty
    body.append(message, encoding: responseEncoding)
    let plain = MessageDeframer.prefixLength + message.readableBytes
    let saved = plain - (body.byteCount - before)
    if saved > 0 { countSent(saved) }
    if wasEmpty { lastProgress = connection.now }
    if sentHead {
      http.resumeBody()
    } else {
      sentHead = true
      http.submitResponse(prefix: responseHead, hasBody: true)
    }
    connection.sentCallFrames()
  }

  /// Ends the call with a status, unless it has ended: after what was sent, or Trailers-Only.
  private func end(_ status: RPCStatus) {
    guard ending == nil, let http else { return }
    ending = status
    phase = .begun
    message = nil
    input = nil
    deframer = MessageDeframer(maximumMessageSize: 0)
    releaseRequest()
    if sentHead {
      http.resumeBody()
    } else {
      sentHead = true
      http.submitResponse(AnswerFields.status(status), prefix: responseHead, hasBody: false)
    }
    connection.sentCallFrames()
  }

  private var responseHead: StaticHeaders {
    AnswerFields.head(namesProto: head.namesProto, encoding: responseEncoding)
  }

  /// The deadline passed: the client is told at once, whatever the handler does.
  func expire() {
    guard ending == nil else { return }
    end(.deadlineExceeded)
    cancel()
  }

  /// The client takes nothing of the response: the stream is given up.
  func giveUp() {
    http?.reset(.cancel)
    cancel()
  }

  /// Whether something waits to be taken by the client.
  var hasBufferedResponse: Bool { !body.isEmpty }

  private func cancel() {
    let (cancelled, _) = call.withLock { $0.cancel() }
    cancelled?()
  }

  /// The handler gave its last word, also when nobody hears it any more.
  private func finishRunning() {
    guard isRunning else { return }
    isRunning = false
    if http == nil { connection.endedCall() }
  }

  private func countSent(_ count: Int) {
    connection.bufferResponse(-count)
    if case .unary = handler { return }
    connection.noteSent(count, on: self)
  }

  /// Bytes left (of this call, or of others when `count` is 0): a handler that waits may go on.
  func resumeHandler(sent count: Int) {
    let writable = call.withLock {
      $0.sent(
        count, limit: connection.configuration.maxBufferedResponseBytes,
        connectionHasRoom: connection.hasRoomForResponses)
    }
    writable?()
    deliverRequests()
  }
}

// MARK: The stream on the wire

extension ServerStream: StreamDelegate {
  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    // A request's own fields came before this object; trailers of a request mean nothing to gRPC.
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    guard ending == nil, !call.withLock({ $0.isOver }) else {
      stream.consume(data.byteCount)
      return
    }
    if case .bidirectional = handler {
      deframer.append(data)
      deliverRequests()
      return
    }
    do throws(RPCStatus) { try receiveUnary(data, stream) } catch { end(error) }
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    guard ending == nil else { return }
    if case .bidirectional = handler {
      deliverRequests()
    } else {
      do throws(RPCStatus) { try completeUnary() } catch { end(error) }
    }
  }

  func stream(_ stream: HTTP2Stream, readBodyInto output: inout BodyWriter) -> BodyProgress {
    body.write(into: &output)
    if output.byteCount > 0 {
      lastProgress = connection.now
      countSent(output.byteCount)
    }
    guard body.isEmpty, let ending else { return .open }
    if ending.isOK, ending.trailers.isEmpty, ending.message.isEmpty, ending.details == nil {
      stream.submitTrailers(prefix: AnswerFields.ok)
    } else {
      stream.submitTrailers(AnswerFields.status(ending))
    }
    return .trailers
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    http = nil
    phase = .begun
    message = nil
    input = nil
    releaseRequest()
    connection.bufferResponse(-body.byteCount)
    body = ResponseBody()
    cancel()
    connection.closedStream()
    if !isRunning { connection.endedCall() }
  }
}

extension RPCStatus {
  static let deadlineExceeded = RPCStatus(
    code: .deadlineExceeded, message: "the deadline of the call passed")
  static let noRequest = RPCStatus(
    code: .unimplemented, message: "the method takes one request, none came")
  static let tooManyRequests = RPCStatus(
    code: .unimplemented, message: "the method takes one request, more came")
  static let tooMuchUnderWay = RPCStatus(
    code: .resourceExhausted, message: "too many bytes of requests are under way on the connection")
  static let responseTooLarge = RPCStatus(
    code: .internalError, message: "the response is longer than the protocol can express")
}
