import HTTP2
import NIOCore

/// Reads what answers of all kinds of calls have in common: header fields, messages with their
/// prefixes, a status. A value without IO; once a result came out, nothing is to be handed in.
struct AnswerReader: Sendable {
  private let maximumMessageSize: Int
  /// The response header fields, once they came.
  private(set) var head: ResponseFields?
  private var deframer: MessageDeframer
  private var hasData = false
  /// The trailer fields, once they came.
  private var trailers: ResponseFields?

  init(maximumMessageSize: Int) {
    self.maximumMessageSize = maximumMessageSize
    deframer = MessageDeframer(maximumMessageSize: maximumMessageSize)
  }

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
  mutating func receive(_ data: RawSpan) {
    // What a foreign answer holds is no message.
    guard let head, head.httpStatus == 200, head.contentType != .foreign else { return }
    if data.byteCount > 0 { hasData = true }
    deframer.append(data)
  }

  /// The next message as it was sent; nil as long as it is not complete.
  mutating func next() throws(FramingError) -> MessageFramer.EncodedMessage? {
    try deframer.nextEncoded()
  }

  /// Bytes that belong to no message which was taken.
  var bufferedBytes: Int { deframer.bufferedBytes }

  /// The message that is not complete, by its prefix; nil between messages.
  var expected: (compressed: Bool, length: Int)? { deframer.expected }

  /// The peer ended the stream, and every message was taken.
  func receiveEnd() -> UnaryResult {
    guard let head else {
      return local(.missingStatus, .unknown, "the response ended without header fields")
    }
    // Trailers-Only: the header fields are the trailers.
    let isTrailersOnly = trailers == nil && !hasData
    guard let status = isTrailersOnly ? head.status : trailers?.status else {
      if head.httpStatus != 200 { return httpAnswer(head) }
      return local(.missingStatus, .unknown, "the response ended without a readable grpc-status")
    }
    if status.isOK {
      do throws(FramingError) { try deframer.finish() } catch { return framingFailure(error) }
    }
    return .peer(status, initialMetadata: isTrailersOnly ? Metadata() : head.metadata)
  }

  /// The peer reset the stream.
  ///
  /// - Parameter wasSent: whether the request left.
  func receiveReset(_ code: ErrorCode, wasSent: Bool) -> UnaryResult {
    // After the beginning of an answer a refusal is not credible.
    let seen = wasSent && (code != .refusedStream || head != nil)
    return .local(
      .reset(code.rawValue), HTTPStatusMapping.statusCode(forResetCode: code.rawValue),
      "the peer reset the stream with \(code)", seen: seen,
      initialMetadata: head?.metadata ?? Metadata())
  }

  /// This side ended the stream because of what the peer sent.
  func receiveFailure(_ failure: HTTP2Error) -> UnaryResult {
    local(.oversizedMetadata, .resourceExhausted, "the response has \(failure.message)")
  }

  /// The channel holds as many bytes of answers as it may.
  func receiveTooMuch() -> UnaryResult {
    local(.overloaded, .resourceExhausted, "too many bytes of answers wait for their rest")
  }

  /// The messages cannot be read.
  func framingFailure(_ error: FramingError) -> UnaryResult {
    var reason = LocalReason.undecodable
    if case .messageTooLarge = error { reason = .oversizedMessage }
    return local(reason, error.status.code, "response: \(error.status.message)")
  }

  /// A status made up here for an answer that has begun.
  func local(_ reason: LocalReason, _ code: StatusCode, _ text: String) -> UnaryResult {
    .local(reason, code, text, seen: true, initialMetadata: head?.metadata ?? Metadata())
  }

  private static let accepted = MessageEncoding.acceptHeader

  private func httpAnswer(_ head: ResponseFields) -> UnaryResult {
    local(
      .http(status: head.httpStatus),
      HTTPStatusMapping.statusCode(forHTTPStatus: head.httpStatus),
      "the peer answered HTTP \(head.httpStatus) without grpc-status; it is no gRPC server")
  }
}
