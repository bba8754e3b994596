import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds the addresses of a target.
protocol AddressResolver: Sendable {
  /// Looks up a host's addresses, off the event loop. The future is of `eventLoop`; it fails with a
  /// ``ResolutionError``, and never has an empty list.
  func resolve(
    host: String, port: Int, on eventLoop: any EventLoop
  ) -> EventLoopFuture<[SocketAddress]>
}

/// A name that has no addresses.
struct ResolutionError: Error, Sendable, Hashable, CustomStringConvertible {
  let host: String
  let reason: String

  var description: String { "cannot resolve \"\(host)\": \(reason)" }
}

/// The system's resolver, `getaddrinfo`, on threads of its own: look-ups of names whose servers do
/// not answer take half a minute and more, and must not keep other blocking work waiting.
struct SystemResolver: AddressResolver {
  /// How many look-ups run at once, of all channels; others wait until one of them ends.
  private static let threadCount = 8

  private static let threads = {
    let pool = NIOThreadPool(numberOfThreads: threadCount)
    pool.start()
    return pool
  }()

  func resolve(
    host: String, port: Int, on eventLoop: any EventLoop
  ) -> EventLoopFuture<[SocketAddress]> {
    Self.threads.runIfActive(eventLoop: eventLoop) {
      try Self.lookUp(host: host, port: port)
    }
  }

  private static func lookUp(host: String, port: Int) throws -> [SocketAddress] {
    var hints = addrinfo()
    #if canImport(Glibc)
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else {
      throw ResolutionError(host: host, reason: String(cString: gai_strerror(code)))
    }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = list
    while let info = next {
      next = info.pointee.ai_next
      guard let address = info.pointee.ai_addr else { continue }
      switch info.pointee.ai_family {
      case AF_INET:
        address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          addresses.append(SocketAddress($0.pointee, host: host))
        }
      case AF_INET6:
        address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
          addresses.append(SocketAddress($0.pointee, host: host))
        }
      default: continue
      }
    }
    guard !addresses.isEmpty else {
      throw ResolutionError(host: host, reason: "it has no IPv4 or IPv6 address")
    }
    return addresses
  }
}

extension ChannelTarget {
  /// The address, if no look-up is needed to know it.
  func literalAddress() throws -> SocketAddress? {
    switch address {
    case .unixSocket(let path): try SocketAddress(unixDomainSocketPath: path)
    case .host(let host, let port): try? SocketAddress(ipAddress: host, port: port)
    }
  }
}
