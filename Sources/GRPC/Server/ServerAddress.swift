import NIOCore

/// Where a server listens.
public enum ServerAddress: Sendable, Hashable {
  /// A TCP port. Port 0 lets the system choose one; `host` is a name or an IP address.
  case tcp(host: String, port: Int)
  /// A Unix domain socket at this path of at most 107 bytes.
  case unix(path: String)
}

extension ServerAddress: CustomStringConvertible {
  /// `host:port`, `[host]:port` for an IPv6 address, or `unix:path`.
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

extension ServerAddress {
  /// The address that a socket really has; `self` when the system does not tell.
  func bound(to local: SocketAddress?) -> ServerAddress {
    switch (self, local?.port) {
    case (.tcp(let host, _), let port?): .tcp(host: local?.ipAddress ?? host, port: port)
    default: self
    }
  }
}

/// Why a server could not start.
public enum ServerError: Error, Equatable, Sendable {
  /// Another process listens there.
  case addressInUse(ServerAddress)
  /// The address cannot be used; the text says why.
  case cannotBind(ServerAddress, reason: String)
  /// `start` was called twice, or after `stop`.
  case alreadyStarted
}

extension ServerError: CustomStringConvertible {
  /// What is wrong, in one sentence that names the address.
  public var description: String {
    switch self {
    case .addressInUse(let address): "\(address) is in use by another process"
    case .cannotBind(let address, let reason): "cannot listen on \(address): \(reason)"
    case .alreadyStarted: "the server was started before"
    }
  }
}
