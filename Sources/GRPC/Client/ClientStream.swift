import HTTP2
import NIOCore

/// One attempt at a unary call: a stream on one connection. Confined to the event loop.
final class ClientStream: ClientAttempt {
  private let connection: ClientConnection
  private let memory: AnswerMemory
  private let maximumMessageSize: Int
  private var reader: UnaryResponseReader
  /// What is to be sent; nil once the attempt was given up, so that a peer that does not read holds
  /// no memory of ours.
  private var body: RequestBody?
  /// The call, as long as it waits for this attempt.
  private var call: UnaryCall?
  /// The stream, from when it was submitted until it closed.
  private var stream: HTTP2Stream?
  private let begin: NIODeadline

  private var share = AnswerMemory.Share.counted(0)
  /// Received bytes that were not given back to the stream's window.
  private var withheldBytes = 0
  private var inflating: InflateJob?
  /// Whether the answer is complete, and only its message is still to be inflated.
  private var hasEnded = false

  /// The window of a stream that was granted memory.
  private static let openWindowSize = 1 << 20

  init(
    call: UnaryCall, body: RequestBody, maximumMessageSize: Int, memory: AnswerMemory,
    connection: ClientConnection, now: NIODeadline
  ) {
    begin = now
    self.call = call
    self.body = body
    self.memory = memory
    self.maximumMessageSize = maximumMessageSize
    self.connection = connection
    reader = UnaryResponseReader(maximumMessageSize: maximumMessageSize)
  }

  var isSent: Bool { stream?.isSent ?? false }

  func begin(on stream: HTTP2Stream) {
    self.stream = stream
  }

  func expire(now: NIODeadline) {
    connection.callTimedOut(begin: begin, now: now)
  }

  func abandon() {
    call = nil
    body = nil
    forgetAnswer()
    stream?.reset(.cancel)
    connection.setNeedsFlush()
  }

  func detach() {
    call = nil
  }

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    connection.didReceiveAnswer()
    guard call != nil else { return }
    let result = reader.receive(headers, kind: kind)
    if kind == .response, result == nil { connection.didReceiveUsefulAnswer() }
    if let result { conclude(result, resetting: stream) }
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    // The connection's window is everybody's. The stream's opens as memory is granted.
    stream.consumeOfConnection(data.byteCount)
    connection.didReceiveAnswer()
    guard call != nil else { return }
    withheldBytes += data.byteCount
    if let result = reader.receive(data) { return conclude(result, resetting: stream) }
    guard memory.hold(reader.heldBytes, demand: reader.demand, of: self, &share) else {
      return conclude(reader.receiveTooMuch(), resetting: stream)
    }
    goOn()
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    guard call != nil else { return }
    // A peer that answers before it has read the whole request: the rest is of no use.
    let rest = body?.isFinished == true ? nil : stream
    if reader.isCompressed || inflating != nil {
      hasEnded = true
      rest?.reset(.cancel)
    } else {
      conclude(reader.receiveEnd(), resetting: rest)
    }
  }

  func stream(_ stream: HTTP2Stream, readBodyInto writer: inout BodyWriter) -> BodyProgress {
    body?.read(into: &writer) ?? .open
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    let wasSent = stream.isSent
    self.stream = nil
    connection.streamDidClose()
    guard call != nil, !hasEnded else { return }
    if connection.isLost {
      conclude(
        .local(
          .connectionLost, .unavailable, connection.lossDescription, seen: wasSent))
    } else if let failure = stream.failure, wasSent {
      conclude(reader.receiveFailure(failure))
    } else if let failure = stream.failure {
      conclude(
        .local(
          .unsendable, .resourceExhausted, "the request has \(failure.message)", seen: false))
    } else {
      conclude(reader.receiveReset(code, wasSent: wasSent), wasSent: wasSent)
    }
  }

  // MARK: Memory

  /// The memory that was waited for is there; `memoryGranted` follows.
  func takeMemory() {
    memory.take(&share)
  }

  /// Goes on with the memory that was waited for.
  func memoryGranted() {
    guard call != nil else { return }
    goOn()
    connection.setNeedsFlush()
  }

  /// Lets the peer send what there is memory for, and begins to inflate what there is memory for.
  private func goOn() {
    let isGranted: Bool
    switch share {
    case .waiting: return
    case .counted: isGranted = false
    case .granted: isGranted = true
    }
    if isGranted || reader.heldBytes == 0 {
      let size = isGranted ? max(Self.openWindowSize, memory.windowSize) : 0
      stream?.openWindow(to: size, consumed: withheldBytes)
      withheldBytes = 0
    }
    guard let message = reader.takeCompressed() else { return }
    switch memory.inflating.begin(message, limit: maximumMessageSize, owner: self) {
    case .ended(let end): inflationEnded(end)
    case .goesOn(let job): inflating = job
    }
  }

  private func forgetAnswer() {
    inflating?.cancel()
    inflating = nil
    reader = UnaryResponseReader(maximumMessageSize: 0)
    let released = share
    share = .counted(0)
    memory.release(released)
  }

  /// Ends the attempt.
  ///
  /// - Parameter stream: what to reset because its rest is of no use.
  private func conclude(
    _ result: UnaryResult, resetting stream: HTTP2Stream? = nil, wasSent: Bool = true
  ) {
    guard let call else { return }
    self.call = nil
    if stream != nil { body = nil }
    stream?.reset(.cancel)
    forgetAnswer()
    call.pool.attemptEnded(call, result, wasSent: wasSent)
  }
}

extension ClientStream: InflateOwner {
  /// The budget has granted the most that it can become.
  var inflateLane: ObjectIdentifier { ObjectIdentifier(connection) }

  func mayHold(_ bytes: Int) -> Bool { true }

  func inflationEnded(_ end: InflateJob.End) {
    inflating = nil
    if let result = reader.inflated(end) {
      conclude(result, resetting: hasEnded ? nil : stream)
    } else if hasEnded {
      conclude(reader.receiveEnd())
    }
    connection.setNeedsFlush()
  }
}
