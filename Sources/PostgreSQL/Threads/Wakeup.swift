import Glibc

/// A descriptor that one thread makes readable to get another out of `poll`.
///
/// A pair of sockets, since `eventfd` and `pipe2` do not import and both ends must be closed on
/// exec from the start.
final class Wakeup: Sendable {
  /// To be polled for reading.
  let descriptor: Int32
  private let writingEnd: Int32

  init() throws(PostgreSQLError) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw PostgreSQLError(
        .connectFailed, "no descriptors for a thread: \(String(cString: strerror(errno)))")
    }
    descriptor = ends[0]
    writingEnd = ends[1]
  }

  deinit {
    close(descriptor)
    close(writingEnd)
  }

  /// Makes the descriptor readable until `drain`. From any thread; a full buffer is readable
  /// already.
  func signal() {
    var byte: UInt8 = 1
    _ = send(writingEnd, &byte, 1, Int32(MSG_NOSIGNAL))
  }

  /// Takes back every signal so far.
  func drain() {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      while recv(descriptor, buffer.baseAddress, buffer.count, 0) > 0 {}
    }
  }
}
