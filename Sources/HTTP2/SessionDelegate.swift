/// What concerns a connection as a whole. Called during `Session.receive` and `Session.takeOutput`,
/// on their thread.
///
/// All `submit…` methods may be called from within; `receive` and `takeOutput` may not (they do
/// nothing then).
public protocol SessionDelegate: AnyObject {
  /// A peer opened a stream (servers only) with these header fields, which lie in memory that the
  /// session uses again. Set the stream's delegate here; without one the request's body is dropped.
  func session(_ session: Session, didOpen stream: HTTP2Stream, headers: HeaderList)
  /// The peer's SETTINGS came; they are in force (`Session.remoteSettings`).
  func sessionDidReceiveSettings(_ session: Session)
  /// The peer acknowledged our SETTINGS (RFC 9113 section 6.5.3).
  func sessionDidReceiveSettingsAcknowledgement(_ session: Session)
  /// A PING came; its acknowledgement is queued already.
  func sessionDidReceivePing(_ session: Session)
  /// The peer acknowledged a PING of ours with this payload (RFC 9113 section 6.7).
  func session(_ session: Session, didReceivePingAcknowledgement payload: UInt64)
  /// What `Session.submitShutdownNotice` asked for left as output; what is submitted now follows
  /// it.
  func sessionDidSendShutdownNotice(_ session: Session)
  /// The peer sent GOAWAY: streams of ours above `lastStreamID` were not and will not be processed;
  /// they are closed with `ErrorCode.refusedStream` by themselves (RFC 9113 section 6.8).
  func session(
    _ session: Session, didReceiveGoAway lastStreamID: Int32, code: ErrorCode, debugData: [UInt8])
}

/// Most of them matter to one role only.
extension SessionDelegate {
  /// Nothing happens: the stream is left without a delegate.
  public func session(_ session: Session, didOpen stream: HTTP2Stream, headers: HeaderList) {}
  /// Nothing happens.
  public func sessionDidReceiveSettings(_ session: Session) {}
  /// Nothing happens.
  public func sessionDidReceiveSettingsAcknowledgement(_ session: Session) {}
  /// Nothing happens.
  public func sessionDidReceivePing(_ session: Session) {}
  /// Nothing happens.
  public func session(_ session: Session, didReceivePingAcknowledgement payload: UInt64) {}
  /// Nothing happens.
  public func sessionDidSendShutdownNotice(_ session: Session) {}
  /// Nothing happens.
  public func session(
    _ session: Session, didReceiveGoAway lastStreamID: Int32, code: ErrorCode, debugData: [UInt8]
  ) {}
}

/// What a header block is.
public enum HeadersKind: Sendable, Equatable {
  /// An interim response, `:status` 1xx.
  case informational
  /// A response's header fields.
  case response
  /// Fields after the body. A response without a body has none: its fields are a `response`.
  case trailers
}

/// Whether a body goes on after a piece of it was read.
public enum BodyProgress: Sendable, Equatable {
  /// More follows. When nothing was written, the stream waits for `HTTP2Stream.resumeBody()`.
  case open
  /// This was the last piece, and the stream's end in this direction.
  case end
  /// This was the last piece, and `HTTP2Stream.submitTrailers` was called.
  case trailers
}

/// What concerns one stream. Called during `Session.receive` and `Session.takeOutput`, on their
/// thread, until `streamDidClose`.
public protocol StreamDelegate: AnyObject {
  /// A complete header list after the one that opened the stream. It lies in memory that the
  /// session uses again: keep values, not the list.
  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind)
  /// Bytes of the body. The peer's window opens again only when they are consumed
  /// (`HTTP2Stream.consume`).
  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan)
  /// The peer will send no more on this stream (END_STREAM).
  func streamDidReceiveEnd(_ stream: HTTP2Stream)
  /// The connection can take more of the body: write it to `output`, as much as fits or less.
  func stream(_ stream: HTTP2Stream, readBodyInto output: inout BodyWriter) -> BodyProgress
  /// The last call for this stream: it ended on both sides (`noError`), or was reset by either, or
  /// its connection broke.
  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode)
}
