import HTTP2
import NIOCore

/// The one attempt at a streaming call: a stream on one connection. Confined to the event loop.
///
/// Bytes of responses are given back to the stream's window as they are taken, unless the call does
/// not read, or a message is being inflated. So what is held is the message that is not complete
/// and one window; all of a channel's answers together have a budget. The connection's window is
/// everybody's, and waits for nobody.
final class StreamingAttempt: ClientAttempt {
  private let connection: ClientConnection
  private let memory: AnswerMemory
  private let maximumMessageSize: Int
  private let begin: NIODeadline
  /// The call, as long as it waits for this attempt.
  private var call: UnaryCall?
  private let exchange: StreamingCall
  /// The stream, from when it was submitted until it closed.
  private var stream: HTTP2Stream?
  private var reader: AnswerReader
  private var share = AnswerMemory.Share.counted(0)
  /// Received bytes that were not given back to the stream's window.
  private var withheldBytes = 0
  private var inflating: InflateJob?
  /// Whether the answer is complete, and only some of its messages are still to be taken.
  private var hasEnded = false
  /// Whether messages are being handed out.
  private var isDelivering = false

  init(
    call: UnaryCall, exchange: StreamingCall, maximumMessageSize: Int, memory: AnswerMemory,
    connection: ClientConnection, now: NIODeadline
  ) {
    begin = now
    self.call = call
    self.exchange = exchange
    self.memory = memory
    self.maximumMessageSize = maximumMessageSize
    self.connection = connection
    reader = AnswerReader(maximumMessageSize: maximumMessageSize)
  }

  var isSent: Bool { stream?.isSent ?? false }

  func begin(on stream: HTTP2Stream) {
    self.stream = stream
    exchange.attempt = self
  }

  func expire(now: NIODeadline) {
    connection.callTimedOut(begin: begin, now: now)
  }

  func abandon() {
    call = nil
    forget()
    stream?.reset(.cancel)
    connection.setNeedsFlush()
  }

  func detach() { call = nil }

  /// There is something to be sent.
  func resume() {
    stream?.resumeBody()
    connection.setNeedsFlush()
  }

  /// The call reads again.
  func resumeReading() {
    deliver()
    connection.setNeedsFlush()
  }

  // MARK: The stream

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    connection.didReceiveAnswer()
    guard call != nil else { return }
    if let result = reader.receive(headers, kind: kind) {
      return conclude(result, resetting: stream)
    }
    guard kind == .response, let head = reader.head else { return }
    connection.didReceiveUsefulAnswer()
    // With a status these are the trailers of an answer that has no others.
    if head.status == nil { exchange.events.headers(head.metadata) }
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    connection.didReceiveAnswer()
    stream.consumeOfConnection(data.byteCount)
    guard call != nil else { return }
    withheldBytes += data.byteCount
    reader.receive(data)
    deliver()
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    guard call != nil else { return }
    hasEnded = true
    deliver()
  }

  func stream(_ stream: HTTP2Stream, readBodyInto writer: inout BodyWriter) -> BodyProgress {
    guard call != nil else { return .open }
    exchange.requests.write(into: &writer)
    exchange.didWrite()
    // What was added just now: a stream that wrote nothing waits for more.
    exchange.requests.write(into: &writer)
    return exchange.hasSentAll && call != nil ? .end : .open
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    let wasSent = stream.isSent
    self.stream = nil
    connection.streamDidClose()
    guard call != nil, !hasEnded else { return }
    if connection.isLost {
      conclude(
        .local(.connectionLost, .unavailable, connection.lossDescription, seen: wasSent))
    } else if let failure = stream.failure {
      conclude(
        wasSent
          ? reader.receiveFailure(failure)
          : .local(
            .unsendable, .resourceExhausted, "the request has \(failure.message)", seen: false))
    } else {
      conclude(reader.receiveReset(code, wasSent: wasSent), wasSent: wasSent)
    }
  }

  // MARK: Messages

  /// Hands out what is complete, as long as the call reads.
  private func deliver() {
    guard !isDelivering else { return }
    isDelivering = true
    defer { isDelivering = false }
    do throws(FramingError) {
      while call != nil, exchange.isReading, inflating == nil, let next = try reader.next() {
        if next.isCompressed {
          inflate(next.bytes)
        } else {
          exchange.events.message(next.bytes, false)
        }
      }
    } catch {
      return conclude(reader.framingFailure(error), resetting: stream)
    }
    guard call != nil else { return }
    guard memory.hold(reader.bufferedBytes + (inflating?.heldBytes ?? 0), &share) else {
      return conclude(reader.receiveTooMuch(), resetting: stream)
    }
    guard exchange.isReading, inflating == nil else { return }
    stream?.openWindow(to: 0, consumed: withheldBytes)
    withheldBytes = 0
    if hasEnded { conclude(reader.receiveEnd(), resetting: stream) }
  }

  private func inflate(_ message: ByteBuffer) {
    switch memory.inflating.begin(message, limit: maximumMessageSize, owner: self) {
    case .ended(let end): take(end)
    case .goesOn(let job): inflating = job
    }
  }

  private func take(_ end: InflateJob.End) {
    switch end {
    case .inflated(let message): exchange.events.message(message, true)
    case .failed(let error): conclude(reader.framingFailure(error), resetting: stream)
    case .refused: conclude(reader.receiveTooMuch(), resetting: stream)
    }
  }

  private func forget() {
    inflating?.cancel()
    inflating = nil
    reader = AnswerReader(maximumMessageSize: 0)
    exchange.attempt = nil
    let released = share
    share = .counted(0)
    memory.release(released)
  }

  /// Ends the call.
  ///
  /// - Parameter stream: What to reset unless its requests have left to their end.
  private func conclude(
    _ result: UnaryResult, resetting stream: HTTP2Stream? = nil, wasSent: Bool = true
  ) {
    guard let call else { return }
    self.call = nil
    if !hasEnded || !exchange.hasSentAll { stream?.reset(.cancel) }
    forget()
    call.pool.attemptEnded(call, result, wasSent: wasSent)
  }
}

extension StreamingAttempt: InflateOwner {
  var inflateLane: ObjectIdentifier { ObjectIdentifier(connection) }

  func mayHold(_ bytes: Int) -> Bool { memory.hold(reader.bufferedBytes + bytes, &share) }

  func inflationEnded(_ end: InflateJob.End) {
    inflating = nil
    take(end)
    deliver()
    connection.setNeedsFlush()
  }
}
