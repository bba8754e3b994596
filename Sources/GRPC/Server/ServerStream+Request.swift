import HTTP2
import NIOCore
import Synchronization

/// How a request comes together and reaches its handler.
extension ServerStream {
  /// Begins a call whose request arrives in parts; unary ones begin when the request is complete.
  func start() {
    observer?.callStarted()
    guard holdRequest(0) else { return fail(.tooMuchUnderWay) }
    if let deadline { connection.insert(deadline: deadline, of: self) }
    connection.checkPaceLater()
    guard case .bidirectional(let handler) = handler else { return }
    phase = .begun
    isRunning = true
    http?.hasBegunWork = true
    let request = StreamRequest(
      path: head.path, metadata: takeMetadata(), deadline: deadline, peer: connection.peer,
      caller: caller, follower: follower)
    input = handler(request, StreamResponder(self))
  }

  /// Takes bytes of a unary request. They are consumed at once: the message's limit and the
  /// connection's budget bound them.
  func receiveUnary(_ data: RawSpan, _ http: HTTP2Stream) throws(RPCStatus) {
    http.consume(data.byteCount)
    deframer.append(data)
    if message == nil { message = try nextMessage() }
    if message != nil || inflating != nil, deframer.bufferedBytes > 0 { throw .tooManyRequests }
    guard holdRequest(receivedBytes) else { throw .tooMuchUnderWay }
  }

  /// Bytes of the call's requests that no handler has.
  var receivedBytes: Int {
    deframer.bufferedBytes + (inflating?.heldBytes ?? 0) + (message?.readableBytes ?? 0)
  }

  /// Says how many bytes of requests this call holds beside its header fields; false when the
  /// connection's budget, or the server's, is used up.
  func holdRequest(_ count: Int) -> Bool {
    let count = headBytes + count
    guard connection.holdRequest(count - heldRequestBytes, ofCall: heldRequestBytes) else {
      return false
    }
    heldRequestBytes = count
    guard connection.bufferRequest(count - bufferedRequestBytes) else { return false }
    bufferedRequestBytes = count
    return true
  }

  /// The next message, if it is there and inflated: while one is being inflated, there is none.
  func nextMessage() throws(RPCStatus) -> ByteBuffer? {
    guard inflating == nil else { return nil }
    let encoded: MessageFramer.EncodedMessage?
    do throws(FramingError) { encoded = try deframer.nextEncoded() } catch { throw refusal(error) }
    receivedMessageBytes += encoded?.bytes.readableBytes ?? 0
    isMessageCompressed = encoded?.isCompressed ?? isMessageCompressed
    guard let encoded, encoded.isCompressed else { return encoded?.bytes }
    let limit = connection.configuration.maxMessageSize
    switch connection.inflating.begin(encoded.bytes, limit: limit, owner: self) {
    case .ended(let end):
      return try inflated(end)
    case .goesOn(let job):
      inflating = job
      return nil
    }
  }

  private func nextOfSeveral() throws(RPCStatus) -> ByteBuffer? {
    if let inflated = message.take() { return inflated }
    return try nextMessage()
  }

  func refusal(_ error: FramingError) -> RPCStatus {
    guard case .messageTooLarge = error else { return error.status }
    // The same message would be too long each time.
    connection.counters.messagesRefused.wrappingAdd(1, ordering: .relaxed)
    return error.status.withoutRetry
  }

  func finishDeframing() throws(RPCStatus) {
    do throws(FramingError) { try deframer.finish() } catch { throw error.status }
  }

  func completeUnary() throws(RPCStatus) {
    guard inflating == nil else { return }
    guard message != nil else {
      try finishDeframing()
      throw .noRequest
    }
    phase = .waiting
    if connection.mayBegin(self) { begin() }
  }

  /// Hands a complete unary request to its handler.
  func begin() {
    guard case .waiting = phase else { return }
    phase = .begun
    if let again {
      self.again = nil
      return again()
    }
    guard let message else { return }
    self.message = nil
    releaseRequest()
    isRunning = true
    http?.hasBegunWork = true
    let request = UnaryRequest(
      path: head.path, metadata: takeMetadata(), deadline: deadline, message: message,
      wasCompressed: isMessageCompressed, peer: connection.peer, caller: caller, follower: follower)
    switch handler {
    case .unary(let handler): handler(request, UnaryResponder(self))
    case .serverStreaming(let handler): handler(request, StreamResponder(self))
    case .bidirectional: break
    }
  }

  /// Delivers requests of a bidirectional call as long as answers have room. Bytes are consumed
  /// unless a complete message had to wait: so a client that does not read cannot send for ever
  /// either.
  func deliverRequests() {
    guard let http, let input, ending == nil else { return }
    do throws(RPCStatus) {
      while isWritable {
        guard let message = try nextOfSeveral() else {
          if inflating != nil { return }
          http.consume(http.unconsumedBytes)
          break
        }
        input.message(message, isMessageCompressed)
        if ending != nil || call.withLock({ $0.isOver }) { return }
      }
      if http.isRemoteClosed, isWritable {
        try finishDeframing()
        self.input = nil
        input.end()
      }
    } catch {
      abort(error)
    }
  }

  /// The metadata, which are the handler's from now on.
  private func takeMetadata() -> Metadata {
    defer { head.metadata = Metadata() }
    return head.metadata
  }

  /// The request has arrived, or never will: the connection has room for others.
  func releaseRequest() {
    _ = connection.bufferRequest(-bufferedRequestBytes)  // Giving back never fails.
    bufferedRequestBytes = 0
  }

  /// Nobody holds the request any more.
  func forgetRequest() {
    _ = connection.holdRequest(-heldRequestBytes, ofCall: heldRequestBytes)
    heldRequestBytes = 0
  }
}
