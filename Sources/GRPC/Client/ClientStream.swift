import HTTP2
import NIOCore

/// One attempt at a unary call: a stream on one connection. Confined to the event loop.
final class ClientStream: StreamDelegate {
  private let connection: ClientConnection
  private var reader: UnaryResponseReader
  /// What is to be sent; nil once the attempt was given up, so that a peer that does not read holds
  /// no memory of ours.
  private var body: RequestBody?
  /// The call, as long as it waits for this attempt.
  private var call: UnaryCall?
  /// The stream, from when it was submitted until it closed.
  private var stream: HTTP2Stream?

  init(
    call: UnaryCall, body: RequestBody, maximumMessageSize: Int, connection: ClientConnection
  ) {
    self.call = call
    self.body = body
    self.connection = connection
    reader = UnaryResponseReader(maximumMessageSize: maximumMessageSize)
  }

  /// Whether the request's header fields left, so that the peer may have seen them.
  var isSent: Bool { stream?.isSent ?? false }

  /// Remembers the stream that was submitted for this attempt.
  func begin(on stream: HTTP2Stream) {
    self.stream = stream
  }

  /// Gives the attempt up: nobody waits for it any more.
  func abandon() {
    call = nil
    body = nil
    stream?.reset(.cancel)
    connection.setNeedsFlush()
  }

  /// The attempt was not submitted.
  func detach() {
    call = nil
  }

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    guard call != nil else { return }
    let result = reader.receive(headers, kind: kind)
    if kind == .response, result == nil { connection.didReceiveAnswer() }
    if let result { conclude(result, resetting: stream) }
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    // The reader bounds what it keeps by the largest message, so the window may open at once.
    stream.consume(data.byteCount)
    guard call != nil, let result = reader.receive(data) else { return }
    conclude(result, resetting: stream)
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    guard call != nil else { return }
    // A peer that answers before it has read the whole request: the rest is of no use.
    conclude(reader.receiveEnd(), resetting: body?.isFinished == true ? nil : stream)
  }

  func stream(_ stream: HTTP2Stream, readBodyInto writer: inout BodyWriter) -> BodyProgress {
    body?.read(into: &writer) ?? .open
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    let wasSent = stream.isSent
    self.stream = nil
    connection.streamDidClose()
    guard call != nil else { return }
    if connection.isLost {
      conclude(
        .local(
          .connectionLost, .unavailable, connection.lossDescription, seen: wasSent))
    } else if let failure = stream.failure {
      conclude(reader.receiveFailure(failure))
    } else {
      conclude(reader.receiveReset(code, wasSent: wasSent), wasSent: wasSent)
    }
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
    call.pool.attemptEnded(call, result, wasSent: wasSent)
  }
}
