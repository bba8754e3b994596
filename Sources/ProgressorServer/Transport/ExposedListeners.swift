import GRPC
import Glibc
import NIOCore

/// Addresses that others than this machine's processes can reach, where nobody says who may do
/// what.
enum ExposedListeners {
  /// Why the server must not listen as it is told; nil = it may.
  ///
  /// - Parameter lookingUp: Names are looked up. Otherwise they are taken for local ones.
  static func problem(_ configuration: NodeConfiguration, lookingUp: Bool = true) -> String? {
    guard !configuration.isInsecureMeant else { return nil }
    let isExposed = { (address: ServerAddress) in
      (lookingUp || address.isLiteral) && !isLocal(address)
    }
    if !configuration.isProtected {
      for address in configuration.listen where isExposed(address) {
        return "listen: \(address) is not a loopback address, and everybody who reaches it may do "
          + "everything: set authentication, authorization or a client_ca, or say with --insecure "
          + "that this is meant"
      }
    }
    if let address = configuration.metricsListen, isExposed(address) {
      return "metrics_listen: \(address) is not a loopback address, and metrics, which have names "
        + "of namespaces, are served to everybody who reaches it: say with --insecure that this "
        + "is meant"
    }
    return nil
  }

  /// Whether only this machine's processes can connect there. A name is only if it has addresses,
  /// and all of them are: one that has none now may have some when it is bound.
  static func isLocal(_ address: ServerAddress) -> Bool {
    guard case .tcp(let host, let port) = address else { return true }
    if let address = try? SocketAddress(ipAddress: host, port: port) { return isLoopback(address) }
    let addresses = lookUp(host)
    return !addresses.isEmpty && addresses.allSatisfy(isLoopback)
  }

  private static func isLoopback(_ address: SocketAddress) -> Bool {
    switch address {
    case .v4(let address):
      return UInt32(bigEndian: address.address.sin_addr.s_addr) >> 24 == 127
    case .v6(let address):
      var bytes = address.address.sin6_addr
      let values = withUnsafeBytes(of: &bytes) { Array($0) }
      let isMapped = values[..<10].allSatisfy { $0 == 0 } && values[10...11] == [0xFF, 0xFF]
      if isMapped { return values[12] == 127 }
      return values[..<15].allSatisfy { $0 == 0 } && values[15] == 1
    case .unixDomainSocket: return true
    }
  }

  private static func lookUp(_ host: String) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
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
    return addresses
  }
}

extension ServerAddress {
  /// Whether no name has to be looked up to listen there.
  fileprivate var isLiteral: Bool {
    guard case .tcp(let host, let port) = self else { return true }
    return (try? SocketAddress(ipAddress: host, port: port)) != nil
  }
}
