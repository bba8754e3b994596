/// One stream of a session (RFC 9113 section 5).
///
/// Confined to its session's thread. After `StreamDelegate.stream(_:didClose:)`, and when the
/// session is gone, all methods do nothing.
public final class HTTP2Stream {
  /// The identifier on the wire, odd for a client's streams (RFC 9113 section 5.1.1).
  public let id: Int32

  /// Is told what happens on the stream; kept alive until the stream closed, or its session is
  /// gone.
  public var delegate: (any StreamDelegate)?

  /// Whether this stream's HEADERS left this session. As long as they did not, the peer cannot have
  /// seen the stream.
  public internal(set) var isSent = false

  /// Whether the peer ended its side (END_STREAM was received).
  public internal(set) var isRemoteClosed = false

  /// Bytes that were received and not consumed yet.
  public internal(set) var unconsumedBytes = 0

  /// Why this side ended the stream without being asked to by `reset`: what the peer sent, or a
  /// request that cannot be sent.
  public internal(set) var failure: HTTP2Error?

  /// When the time is over that the peer itself gave to the stream (servers); nil = never. On the
  /// session's clock. From 3 seconds before it on, the peer may reset the stream without haste.
  public var deadline: UInt64?

  /// Whether work for the stream was begun that its reset makes useless (servers).
  public var hasBegunWork = false

  /// Whether this side has reset the stream; the frame may not have left.
  var isReset = false

  /// Whether a response's header fields came (clients): what comes next are trailers.
  var hasResponse = false

  /// When the stream was opened, on the session's clock.
  let openedAt: UInt64

  /// Nil once the stream closed.
  unowned var session: Session?

  init(id: Int32, session: Session, delegate: (any StreamDelegate)? = nil) {
    self.id = id
    self.session = session
    self.delegate = delegate
    openedAt = session.now
  }

  /// Tells the delegate, for the last time, and lets it go.
  func close(_ code: ErrorCode) {
    session = nil
    unconsumedBytes = 0
    let last = delegate
    delegate = nil
    last?.stream(self, didClose: code)
  }

  /// Whether the stream closed, or its session is gone.
  public var isClosed: Bool { session == nil }

  /// Sends a response's header fields (servers only).
  ///
  /// - Parameters:
  ///   - headers: fields that go after those of `prefix`.
  ///   - prefix: fields that go first. One of both has `:status` at its beginning.
  ///   - hasBody: whether `StreamDelegate.stream(_:readBodyInto:)` is asked for a body. Without one
  ///     the header fields end the stream.
  public func submitResponse(
    _ headers: HeaderList = [:], prefix: StaticHeaders = .none, hasBody: Bool
  ) {
    session?.submitResponse(self, prefix, headers, hasBody: hasBody)
  }

  /// Ends the stream with trailer fields, after the body. To be called when the body's last piece
  /// is read, which then answers `BodyProgress.trailers`.
  public func submitTrailers(_ headers: HeaderList = [:], prefix: StaticHeaders = .none) {
    session?.submitTrailers(self, prefix, headers)
  }

  /// Goes on asking for the body after a read that appended nothing.
  public func resumeBody() {
    session?.resumeBody(self)
  }

  /// Whether the peer has taken all that its window for this stream allowed: more can be sent only
  /// when it opens the window.
  public var isBlockedByWindow: Bool { session?.isBlocked(self) ?? false }

  /// Ends the stream at once with RST_STREAM. `StreamDelegate.stream(_:didClose:)` follows when the
  /// frame is taken as output.
  public func reset(_ code: ErrorCode) {
    session?.reset(self, code)
  }

  /// Gives received bytes back to the peer's window, of the stream and of the connection.
  ///
  /// - Parameter count: at most `unconsumedBytes`; what is above it is ignored.
  public func consume(_ count: Int) {
    session?.consume(self, count)
  }

  /// Gives received bytes back to the window of the connection only: other streams are not to wait,
  /// while this one does until `openWindow`.
  ///
  /// - Parameter count: at most `unconsumedBytes`; what is above it is ignored.
  public func consumeOfConnection(_ count: Int) {
    session?.consumeOfConnection(self, count)
  }

  /// Lets the peer send until `size` bytes were not consumed on this stream, 2^31 - 1 at most.
  ///
  /// - Parameter consumed: bytes that `consumeOfConnection` took and that are given back now.
  public func openWindow(to size: Int, consumed: Int) {
    session?.openWindow(self, to: size, consumed: consumed)
  }
}
