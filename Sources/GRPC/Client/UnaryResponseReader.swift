import HTTP2
import NIOCore

/// Reads the answer to one unary call. A value without IO: what arrived goes in, and once it is
/// known how the call ended, the result comes out; nothing is to be handed in afterwards.
struct UnaryResponseReader: Sendable {
  private let maximumMessageSize: Int
  /// The response header fields, once they came.
  private var head: ResponseFields?
  private var deframer: MessageDeframer
  private var hasData = false
  private var message: ByteBuffer?
  /// The message as it came, until it is taken to be inflated.
  private var compressed: ByteBuffer?
  private var isInflating = false
  /// The trailer fields, once they came.
  private var trailers: ResponseFields?

  init(maximumMessageSize: Int) {
    self.maximumMessageSize = maximumMessageSize
    deframer = MessageDeframer(maximumMessageSize: maximumMessageSize)
  }

  /// Whether anything of an answer came.
  var hasBegun: Bool { head != nil }

  /// Header or trailer fields came. What is missing of a list that is too long is custom metadata,
  /// or the rest of a text: it does not decide about the call.
  mutating func receive(_ fields: HeaderList, kind: HeadersKind) -> UnaryResult? {
    guard kind != .informational else { return nil }
    if kind == .trailers {
      trailers = ResponseFields(fields)
      return nil
    }
    let head = ResponseFields(fields)
    self.head = head
    // Without a status here the rest of a foreign answer is not worth waiting for.
    if head.code == nil, head.contentType == .absent || head.contentType == .foreign {
      return httpAnswer(head)
    }
    if head.contentType == .otherSubtype, head.httpStatus == 200 {
      return local(
        .undecodable, .internalError, "the response's content-type is not application/grpc+proto")
    }
    guard let encoding = head.encoding else {
      return local(
        .undecodable, .internalError, "the response's grpc-encoding is not one of \(Self.accepted)")
    }
    deframer = MessageDeframer(maximumMessageSize: maximumMessageSize, encoding: encoding)
    return nil
  }

  /// Bytes of the body came.
  mutating func receive(_ data: RawSpan) -> UnaryResult? {
    // What a foreign answer holds is no message.
    guard let head, head.httpStatus == 200, head.contentType != .foreign else { return nil }
    if data.byteCount > 0 { hasData = true }
    deframer.append(data)
    do {
      while let next = try deframer.nextEncoded() {
        guard message == nil, compressed == nil, !isInflating else {
          return local(.tooManyMessages, .unimplemented, "the response has more than one message")
        }
        if next.isCompressed { compressed = next.bytes } else { message = next.bytes }
      }
      return nil
    } catch {
      return framingFailure(error)
    }
  }

  /// Whether a message waits to be inflated.
  var isCompressed: Bool { compressed != nil }

  /// The message that is to be inflated; `inflated` says what became of it.
  mutating func takeCompressed() -> ByteBuffer? {
    defer { compressed = nil }
    isInflating = compressed != nil
    return compressed
  }

  /// The message was inflated.
  mutating func inflated(_ end: InflateJob.End) -> UnaryResult? {
    isInflating = false
    switch end {
    case .inflated(let message):
      self.message = message
      return nil
    case .failed(let error):
      return framingFailure(error)
    case .refused:
      return receiveTooMuch()
    }
  }

  /// Bytes of the answer that it holds.
  var heldBytes: Int {
    deframer.bufferedBytes + (compressed?.readableBytes ?? 0) + (message?.readableBytes ?? 0)
  }

  /// How many bytes the answer may take, by the prefix of its message; nil as long as that is not
  /// known.
  var demand: Int? {
    if let message { return message.readableBytes }
    if let compressed { return inflatedSize(compressed.readableBytes) }
    guard let (isCompressed, length) = deframer.expected else { return nil }
    return isCompressed ? inflatedSize(length) : length
  }

  /// A message and what it may become. Deflate makes 1,032 bytes of one at most (zlib, Technical
  /// Details).
  private func inflatedSize(_ count: Int) -> Int {
    count + min(maximumMessageSize, (count + 1) * 1_032)
  }

  /// The channel holds as many bytes of answers as it may.
  func receiveTooMuch() -> UnaryResult {
    local(.overloaded, .resourceExhausted, "too many bytes of answers wait for their rest")
  }

  /// The peer ended the stream. Not to be called while a message is compressed or being inflated.
  mutating func receiveEnd() -> UnaryResult {
    guard let head else {
      return local(.missingStatus, .unknown, "the response ended without header fields")
    }
    // Trailers-Only: the header fields are the trailers.
    let isTrailersOnly = trailers == nil && !hasData
    guard let status = isTrailersOnly ? head.status : trailers?.status else {
      if head.httpStatus != 200 { return httpAnswer(head) }
      return local(.missingStatus, .unknown, "the response ended without a readable grpc-status")
    }
    let initial = isTrailersOnly ? Metadata() : head.metadata
    guard status.isOK else { return .peer(status, initialMetadata: initial) }
    do {
      try deframer.finish()
    } catch {
      return framingFailure(error)
    }
    guard let message else {
      return local(.missingMessage, .unimplemented, "the status is OK but there is no message")
    }
    return .peer(status, message: message, initialMetadata: initial)
  }

  /// The peer reset the stream.
  ///
  /// - Parameter wasSent: whether the request left.
  func receiveReset(_ code: ErrorCode, wasSent: Bool) -> UnaryResult {
    // After the beginning of an answer a refusal is not credible.
    let seen = wasSent && (code != .refusedStream || hasBegun)
    return .local(
      .reset(code.rawValue), HTTPStatusMapping.statusCode(forResetCode: code.rawValue),
      "the peer reset the stream with \(code)", seen: seen,
      initialMetadata: head?.metadata ?? Metadata())
  }

  /// This side ended the stream because of what the peer sent.
  func receiveFailure(_ failure: HTTP2Error) -> UnaryResult {
    local(.oversizedMetadata, .resourceExhausted, "the response has \(failure.message)")
  }

  private static let accepted = MessageEncoding.acceptHeader

  private func httpAnswer(_ head: ResponseFields) -> UnaryResult {
    local(
      .http(status: head.httpStatus),
      HTTPStatusMapping.statusCode(forHTTPStatus: head.httpStatus),
      "the peer answered HTTP \(head.httpStatus) without grpc-status; it is no gRPC server")
  }

  private func framingFailure(_ error: FramingError) -> UnaryResult {
    var reason = LocalReason.undecodable
    if case .messageTooLarge = error { reason = .oversizedMessage }
    return local(reason, error.status.code, "response: \(error.status.message)")
  }

  private func local(_ reason: LocalReason, _ code: StatusCode, _ text: String) -> UnaryResult {
    .local(reason, code, text, seen: true, initialMetadata: head?.metadata ?? Metadata())
  }
}
