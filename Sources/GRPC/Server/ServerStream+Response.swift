import HTTP2
import NIOCore

/// How a call is answered and ends.
extension ServerStream {
  /// Does what a responder said. On the loop.
  func perform(_ answer: Answer) {
    switch answer {
    case .message(let message, let headers, let trailers, let compressed):
      finishRunning()
      guard ending == nil, http != nil else { return }
      guard message.readableBytes <= UInt32.max else { return fail(.responseTooLarge) }
      let size = MessageDeframer.prefixLength + message.readableBytes
      connection.expectedSizes.answered(head.path, size)
      guard connection.mayHoldResponse(size) else {
        connection.counters.responsesDropped.wrappingAdd(1, ordering: .relaxed)
        return fail(.answerDropped)
      }
      ending = RPCStatus(code: .ok, trailers: trailers)
      connection.bufferResponse(size)
      sendHead(headers)
      append(message, compressed: compressed)
      observe(.ok)
    case .headers(let headers):
      guard ending == nil else { return }
      sendHead(headers)
    case .part(let message, let compressed):
      guard ending == nil, http != nil else {
        connection.bufferResponse(-MessageDeframer.prefixLength - message.readableBytes)
        connection.driver.setNeedsFlush()  // Others may go on.
        return
      }
      sendHead(Metadata())
      append(message, compressed: compressed)
    case .status(let status):
      finishRunning()
      end(status)
    case .cut(let status): fail(status)
    }
  }

  /// Sends the response's header fields, if they were not sent.
  func sendHead(_ headers: Metadata) {
    guard !sentHead, let http else { return }
    sentHead = true
    let fields = headers.isEmpty ? [:] : AnswerFields.metadata(headers)
    http.submitResponse(fields, prefix: responseHead, hasBody: true)
    connection.sentCallFrames()
  }

  func append(_ message: ByteBuffer, compressed: Bool) {
    guard let http else { return }
    let before = body.byteCount
    let wasEmpty = body.isEmpty
    body.append(message, encoding: compressed ? responseEncoding : .identity)
    sentMessageBytes += body.byteCount - before - MessageDeframer.prefixLength
    let plain = MessageDeframer.prefixLength + message.readableBytes
    let saved = plain - (body.byteCount - before)
    if saved > 0 { countSent(saved) }
    countHarmless()
    if wasEmpty {
      responsePace = Pace(
        demanded: Pace.demand(ofWaiting: body.byteCount), now: connection.now)
      http.resumeBody()
    }
    connection.sentCallFrames()
  }

  /// Says how long the answer will be before it is made: the handler is told whether to make it
  /// now. If not, it is asked anew when there is room.
  func makeRoom(for bytes: Int, again: @escaping @Sendable () -> Void) -> Bool {
    guard ending == nil, http != nil else { return true }  // Nobody hears it.
    let size = MessageDeframer.prefixLength + bytes
    connection.release(self)
    if connection.mayHoldResponse(size) { return true }
    connection.expectedSizes.answered(head.path, size)
    neededResponseBytes = size
    self.again = again
    phase = .waiting
    if connection.mayBegin(self) { begin() }
    return false
  }

  /// Neither a handler nor room for the answer is waited for any more.
  func stopWaiting() {
    connection.leaveLine(self)
    // It may hold the responder, whose end changes this call.
    let released = again
    again = nil
    _ = released
  }

  /// Ends the call with a status that the layer itself made up.
  func fail(_ status: RPCStatus) {
    guard ending == nil else { return }
    end(connection.configuration.annotate(status))
  }

  func observe(_ code: StatusCode) {
    guard observer != nil || follower != nil else { return }
    let summary = CallSummary(
      code: code, nanoseconds: (connection.now - openedAt).nanoseconds,
      receivedBytes: receivedMessageBytes, sentBytes: sentMessageBytes)
    observer?.callEnded(summary)
    follower?.callEnded(summary)
  }

  /// Ends the call with a status, unless it has ended: after what was sent, or Trailers-Only.
  func end(_ status: RPCStatus) {
    guard ending == nil, let http else { return }
    let status = hold(status)
    ending = status
    observe(status.code)
    stopWaiting()
    phase = .begun
    head.metadata = Metadata()
    message = nil
    stopInflating()
    input = nil
    deframer = MessageDeframer(maximumMessageSize: 0)
    releaseRequest()
    if !isRunning { forgetRequest() }
    if sentHead {
      http.resumeBody()
    } else {
      sentHead = true
      let fields = AnswerFields.status(status, limit: connection.clientHeaderListSize)
      http.submitResponse(fields, prefix: responseHead, hasBody: false)
    }
    connection.sentCallFrames()
  }

  /// Charges a status to the budget for answers; of a long one that does not fit only the code is
  /// left.
  private func hold(_ status: RPCStatus) -> RPCStatus {
    let size = AnswerFields.size(of: status)
    guard size <= Self.shortStatus || connection.mayHoldResponse(size) else {
      return RPCStatus(code: status.code)
    }
    bufferedStatusBytes = size
    connection.bufferResponse(size)
    return status
  }

  /// A status of at most this many bytes is always told.
  private static let shortStatus = 1 << 10

  var responseHead: StaticHeaders {
    AnswerFields.head(namesProto: head.namesProto, encoding: responseEncoding)
  }

  /// The deadline passed: the client is told at once, whatever the handler does.
  func expire() {
    guard ending == nil else { return }
    abort(.deadlineExceeded)
  }

  /// Ends a call whose handler is to hear that it is over. What it made of the requests may be all
  /// that has its responder: let go before, that would be an answer.
  func abort(_ status: RPCStatus) {
    withExtendedLifetime(input) {
      fail(status)
      cancel()
    }
  }

  /// Ends the call if its client takes or sends too slowly.
  ///
  /// - Parameter slowness: of the client with all answers together.
  /// - Returns: whether it is to be looked at again.
  func keepsPace(slowness: OutputSlowness) -> Bool {
    guard let http else { return false }
    let (now, configuration) = (connection.now, connection.configuration)
    if !body.isEmpty {
      let (period, next) = (configuration.stallTimeout, Pace.demand(ofWaiting: body.byteCount))
      guard
        responsePace?.isTooSlow(period: period, next: next, now: now) == true,
        http.isBlockedByWindow || isToBlame(for: slowness)
      else { return true }
      http.reset(.cancel)
      cancel()
      return false
    }
    guard let period = configuration.unfinishedRequestTimeout, !http.isRemoteClosed, ending == nil
    else { return false }
    let paused = connection.driver.pauses.total(now: now)
    // What was not taken from the client is not missing.
    if http.unconsumedBytes > 0 { requestPace = Pace(demanded: 0, now: now, paused: paused) }
    guard
      requestPace.isTooSlow(period: period, next: demandOfRequest, now: now, paused: paused)
    else { return true }
    abort(.requestUnfinished)
    return false
  }

  /// Whether the slowness of its connection ends the call: not while others are sent and nothing of
  /// this one was, for as many periods as an answer may take.
  private func isToBlame(for slowness: OutputSlowness) -> Bool {
    switch slowness {
    case .none: false
    case .all: true
    case .some:
      responsePace?.hasMoved == true
        || responsePace?.isOverdue(
          period: connection.configuration.stallTimeout, now: connection.now) == true
    }
  }

  func cancel() {
    let (cancelled, _) = call.withLock { $0.cancel() }
    cancelled?()
  }

  /// The handler gave its last word, also when nobody hears it any more.
  func finishRunning() {
    guard isRunning else { return }
    isRunning = false
    connection.release(self)
    forgetRequest()
    if http == nil { permit = nil }
  }

  func countSent(_ count: Int) {
    connection.bufferResponse(-count)
    if case .unary = handler { return }
    connection.noteSent(count, on: self)
  }

  /// The length of what waits has changed.
  func countHarmless() {
    let count = max(0, body.byteCount - Self.hinderingBytes)
    guard count != harmlessBytes else { return }
    connection.mailbox.harmlessResponseBytes.add(count - harmlessBytes, ordering: .relaxed)
    harmlessBytes = count
  }

  /// How much of an answer that is not read counts against other calls of the connection: so little
  /// that large ones reach the limit on unread bytes first.
  private static let hinderingBytes = 16 << 10

  /// Bytes left (of this call, or of others when `count` is 0): a handler that waits may go on.
  func resumeHandler(sent count: Int) {
    let writable = call.withLock {
      $0.sent(
        count, limit: connection.configuration.maxBufferedResponseBytes,
        connectionHasRoom: connection.findsRoom())
    }
    writable?()
    deliverRequests()
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
    code: .resourceExhausted, message: "too many bytes of requests are under way")
  static let requestUnfinished = RPCStatus(
    code: .deadlineExceeded, message: "the rest of the request did not come in time")
  static let responseTooLarge = RPCStatus(
    code: .internalError, message: "the response is longer than the protocol can express")
}
