import HTTP2
import NIOCore

/// One attempt at a call, of whatever kind: a stream on one connection. Confined to the event loop.
protocol ClientAttempt: StreamDelegate {
  /// Whether the request's header fields left, so that the peer may have seen them.
  var isSent: Bool { get }
  /// Remembers the stream that was submitted for this attempt.
  func begin(on stream: HTTP2Stream)
  /// The attempt's time is over; it is about to be abandoned.
  func expire(now: NIODeadline)
  /// Gives the attempt up: nobody waits for it any more.
  func abandon()
  /// The attempt was not submitted.
  func detach()
}
