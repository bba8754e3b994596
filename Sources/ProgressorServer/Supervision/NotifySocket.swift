import Glibc

/// The socket on which a service manager hears of its services (sd_notify(3), "NOTIFY_SOCKET"):
/// datagrams of `NAME=value` lines.
final class NotifySocket: Sendable {
  /// What became of a datagram.
  enum Outcome: Hashable {
    case sent
    /// The manager does not read as fast: try it again later.
    case full
    /// There is nobody.
    case failed(String)
  }

  private let descriptor: Int32
  private let address: sockaddr_un
  private let length: socklen_t

  /// - Parameter name: An absolute path, or `@` and a name of the abstract namespace (unix(7)). nil
  ///   = it is neither, or too long, or there are no descriptors left.
  init?(_ name: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(name.utf8)
    let isAbstract = bytes.first == UInt8(ascii: "@")
    guard isAbstract || bytes.first == UInt8(ascii: "/"), bytes.count > 1, !bytes.contains(0),
      bytes.count < MemoryLayout.size(ofValue: address.sun_path)
    else { return nil }
    // An abstract name begins with a zero and ends with the address; a path ends with a zero.
    if isAbstract { bytes[0] = 0 } else { bytes.append(0) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    length = socklen_t(offset + bytes.count)
    self.address = address
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// Sends one datagram. From any thread; never blocks.
  func send(_ text: String) -> Outcome {
    let bytes = Array(text.utf8)
    let count = withUnsafePointer(to: address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length)
      }
    }
    if count == bytes.count { return .sent }
    switch errno {
    case EAGAIN, EWOULDBLOCK, ENOBUFS, EINTR: return .full
    default: return .failed(String(cString: strerror(errno)))
    }
  }
}
