import HTTP2
import NIOCore

/// Reads the answer to one unary call. A value without IO: what arrived goes in, and once it is
/// known how the call ended, the result comes out; nothing is to be handed in afterwards.
struct UnaryResponseReader: Sendable {
  private let maximumMessageSize: Int
  private var answer: AnswerReader
  private var message: ByteBuffer?
  /// The message as it came, until it is taken to be inflated.
  private var compressed: ByteBuffer?
  private var isInflating = false

  init(maximumMessageSize: Int) {
    self.maximumMessageSize = maximumMessageSize
    answer = AnswerReader(maximumMessageSize: maximumMessageSize)
  }

  /// Whether anything of an answer came.
  var hasBegun: Bool { answer.head != nil }

  /// Header or trailer fields came.
  mutating func receive(_ fields: HeaderList, kind: HeadersKind) -> UnaryResult? {
    answer.receive(fields, kind: kind)
  }

  /// Bytes of the body came.
  mutating func receive(_ data: RawSpan) -> UnaryResult? {
    answer.receive(data)
    do throws(FramingError) {
      while let next = try answer.next() {
        guard message == nil, compressed == nil, !isInflating else {
          return answer.local(
            .tooManyMessages, .unimplemented, "the response has more than one message")
        }
        if next.isCompressed { compressed = next.bytes } else { message = next.bytes }
      }
      return nil
    } catch {
      return answer.framingFailure(error)
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
    case .failed(let error): return answer.framingFailure(error)
    case .refused: return receiveTooMuch()
    }
  }

  /// Bytes of the answer that it holds.
  var heldBytes: Int {
    answer.bufferedBytes + (compressed?.readableBytes ?? 0) + (message?.readableBytes ?? 0)
  }

  /// How many bytes the answer may take, by the prefix of its message; nil as long as that is not
  /// known.
  var demand: Int? {
    if let message { return message.readableBytes }
    if let compressed { return inflatedSize(compressed.readableBytes) }
    guard let (isCompressed, length) = answer.expected else { return nil }
    return isCompressed ? inflatedSize(length) : length
  }

  /// A message and what it may become. Deflate makes 1,032 bytes of one at most (zlib, Technical
  /// Details).
  private func inflatedSize(_ count: Int) -> Int {
    count + min(maximumMessageSize, (count + 1) * 1_032)
  }

  /// The channel holds as many bytes of answers as it may.
  func receiveTooMuch() -> UnaryResult { answer.receiveTooMuch() }

  /// The peer ended the stream. Not to be called while a message is compressed or being inflated.
  mutating func receiveEnd() -> UnaryResult {
    var result = answer.receiveEnd()
    guard result.status.isOK else { return result }
    guard let message else {
      return answer.local(
        .missingMessage, .unimplemented, "the status is OK but there is no message")
    }
    result.message = message
    return result
  }

  /// The peer reset the stream.
  ///
  /// - Parameter wasSent: whether the request left.
  func receiveReset(_ code: ErrorCode, wasSent: Bool) -> UnaryResult {
    answer.receiveReset(code, wasSent: wasSent)
  }

  /// This side ended the stream because of what the peer sent.
  func receiveFailure(_ failure: HTTP2Error) -> UnaryResult { answer.receiveFailure(failure) }
}
