import HTTP2
import NIOCore

/// What the server's and the client's connections do differently: what becomes of what a
/// ``ConnectionDriver`` sees, and what is due when. Called on the event loop.
protocol ConnectionSide: SessionDelegate, SendableMetatype {
  /// How many bytes go to the socket in one write.
  static var writeSize: Int { get }
  /// Whether this side's SETTINGS leave before the peer has sent anything.
  static var speaksFirst: Bool { get }
  /// Whether the peer is read while it takes nothing.
  static var readsWhileUnwritable: Bool { get }

  /// Bytes came, which the session is about to take.
  func received(now: NIODeadline)
  /// The session took no more of these bytes; the connection ends with the next write.
  func sessionFailed(_ error: HTTP2Error, after bytes: ByteBuffer)
  /// All that one read brought was taken; what is submitted now is in the write that follows.
  func endedRead()
  /// The socket has as much as it takes of what was submitted; what is submitted now follows.
  func wrote()
  /// Nothing goes out, or nothing is read, because the peer does not take what waits for it; or
  /// that is over.
  func standstillChanged(_ standsStill: Bool, now: NIODeadline)

  /// How long a frame, or a header block, may be under way that is no stream's DATA; nil = for
  /// ever.
  var unfinishedFrameTimeout: TimeAmount? { get }
  /// One took longer; the connection is to be ended.
  func frameTookTooLong()

  /// When something is due; nil when nothing is.
  var nextTime: NIODeadline? { get }
  /// Does what is due at `now`, which may be nothing.
  func timeCame(now: NIODeadline)

  /// The socket broke; the connection is about to close.
  func socketFailed(_ error: any Error)
  /// The socket is closed: the session's streams are to be ended.
  func socketClosed()
}
