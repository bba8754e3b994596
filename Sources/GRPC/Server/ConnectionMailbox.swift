import NIOCore
import Synchronization

/// What a responder says about its call.
enum Answer: Sendable {
  /// The one response of a unary call, and OK.
  case message(ByteBuffer, headers: Metadata, trailers: Metadata, compressed: Bool)
  /// The metadata that goes before the responses.
  case headers(Metadata)
  /// One response of several.
  case part(ByteBuffer, compressed: Bool)
  /// The end.
  case status(RPCStatus)
  /// The end, of which the handler is told: its message was refused for good.
  case cut(RPCStatus)
}

/// Hands answers from other threads to a connection's event loop: the first of them wakes the loop,
/// which then takes all that gathered.
final class ConnectionMailbox: Sendable {
  private let letters = Mutex<[(stream: ServerStream, answer: Answer)]>([])

  /// Bytes of responses that wait to be sent on this connection.
  let bufferedResponseBytes = Atomic<Int>(0)
  /// Bytes of responses that wait and keep no other call from beginning.
  let harmlessResponseBytes = Atomic<Int>(0)
  /// Whether somebody was refused for lack of room since all who wait for it were last told to go
  /// on.
  let lacksRoom = Atomic<Bool>(false)

  /// Puts an answer in.
  ///
  /// - Returns: whether it is the first, so that the loop must be woken.
  func put(_ stream: ServerStream, _ answer: Answer) -> Bool {
    letters.withLock {
      $0.append((stream, answer))
      return $0.count == 1
    }
  }

  /// Takes everything out.
  func takeAll() -> [(stream: ServerStream, answer: Answer)] {
    letters.withLock { letters in
      let all = letters
      letters = []
      return all
    }
  }
}
