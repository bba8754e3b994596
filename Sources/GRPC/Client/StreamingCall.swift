public import NIOCore

/// A call with any number of requests and responses that was started. Everything happens on the
/// channel's event loop, and its methods may be called there only, but for ``cancel()``.
///
/// It is never repeated by itself once its header fields left: what was sent is kept by nobody.
public final class StreamingCall: @unchecked Sendable {
  // Safe to share: constants are immutable, and every variable is touched on the channel's event
  // loop only.

  /// What the call hears, each on the channel's event loop.
  public struct Events: Sendable {
    var headers: @Sendable (Metadata) -> Void
    var message: @Sendable (ByteBuffer, _ wasCompressed: Bool) -> Void
    var writable: @Sendable () -> Void
    var end: @Sendable (UnaryResult) -> Void

    /// - Parameters:
    ///   - headers: The metadata before the first response came. Not called for an answer that has
    ///     trailers only.
    ///   - message: A response came, decompressed.
    ///   - writable: ``StreamingCall/send(_:compressed:)`` takes messages, after it refused one.
    ///   - end: The call is over; exactly once, and nothing follows it. The result has no message.
    public init(
      headers: @escaping @Sendable (Metadata) -> Void = { _ in },
      message: @escaping @Sendable (ByteBuffer, _ wasCompressed: Bool) -> Void,
      writable: @escaping @Sendable () -> Void = {},
      end: @escaping @Sendable (UnaryResult) -> Void
    ) {
      self.headers = headers
      self.message = message
      self.writable = writable
      self.end = end
    }
  }

  let events: Events
  /// The encoding of the requests that are to be compressed.
  let encoding: MessageEncoding
  /// What is to be sent. It is whole as long as no header fields left: then another connection may
  /// take it.
  var requests = OutgoingMessages()
  /// Whether nothing follows ``requests``.
  private(set) var hasEndedRequests = false
  /// Whether every request was taken by a connection.
  var hasSentAll: Bool { hasEndedRequests && requests.isEmpty }
  /// Whether a message was refused since `writable` was called.
  private var owesWritable = false
  /// Whether responses are taken from the peer.
  public private(set) var isReading = true
  /// The attempt, as long as it is under way.
  weak var attempt: StreamingAttempt?
  /// Its place in the pool. It is set as the call is made, and the pool has it until it ends.
  private(set) weak var pooled: UnaryCall?
  private let eventLoop: any EventLoop

  /// How many bytes may wait to be sent before further messages are refused; the message that
  /// exceeds them is taken.
  static let maximumWaitingBytes = 64 << 10

  init(events: Events, encoding: MessageEncoding, on eventLoop: any EventLoop) {
    self.events = events
    self.encoding = encoding
    self.eventLoop = eventLoop
  }

  func begin(as pooled: UnaryCall) { self.pooled = pooled }

  /// Whether the call is over.
  public var isFinished: Bool { pooled?.isFinished ?? true }

  /// Whether ``send(_:compressed:)`` takes a message now.
  public var isWritable: Bool {
    !isFinished && !hasEndedRequests && requests.byteCount < Self.maximumWaitingBytes
  }

  /// Sends a message.
  ///
  /// - Parameters:
  ///   - message: Less than 4 GiB.
  ///   - compressed: Whether it goes compressed, if the channel's ``ChannelConfiguration`` has an
  ///     encoding and that pays.
  /// - Returns: Whether it was taken. It is refused when too much waits to be sent already, and
  ///   when the call is over.
  @discardableResult
  public func send(_ message: ByteBuffer, compressed: Bool = true) -> Bool {
    guard isWritable, message.readableBytes <= UInt32.max else {
      owesWritable = true
      return false
    }
    requests.append(message, encoding: compressed ? encoding : .identity)
    attempt?.resume()
    return true
  }

  /// No more messages follow.
  public func finishSending() {
    guard !hasEndedRequests else { return }
    hasEndedRequests = true
    attempt?.resume()
  }

  /// Takes responses, or lets them wait at the peer: what its window holds may wait here.
  public func setReading(_ isReading: Bool) {
    guard self.isReading != isReading else { return }
    self.isReading = isReading
    if isReading { attempt?.resumeReading() }
  }

  /// Cancels the call: it ends with CANCELLED, unless it has ended. Callable from any thread.
  public func cancel() {
    if eventLoop.inEventLoop {
      pooled?.cancel()
    } else {
      eventLoop.execute { self.pooled?.cancel() }
    }
  }

  /// Bytes left: what was refused may be sent now.
  func didWrite() {
    guard owesWritable, isWritable else { return }
    owesWritable = false
    events.writable()
  }
}
