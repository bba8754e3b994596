public import GRPC
public import NIOCore
import NIOPosix
import TransportSecurity

/// The TLS of a channel: paths of PEM files, read anew for each connection.
public struct ClientTLS: ClientSecurity, Hashable {
  /// Certificates to trust; nil = the system's.
  public var authorities: String?
  /// What is shown to servers that ask, leaf first; with `key`.
  public var certificate: String?
  /// The private key of `certificate`.
  public var key: String?
  /// The name that the server's certificate must have; nil = the host of the target.
  public var serverName: String?

  /// Trusts whom the system trusts.
  public init() {}

  /// Reads the files, off the loop.
  public func prepare(
    for target: ChannelTarget, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ClientHandshake> {
    NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
      try handshake(for: target) { $0 }
    }
  }

  /// - Parameter resolve: where the file of a path really is; throws when it may not be read.
  func handshake(
    for target: ChannelTarget, resolve: (String) throws -> String
  ) throws -> ClientHandshake {
    let trusted = try authorities.map { try PEMFile.certificates(try resolve($0)).pem }
    var pair: KeyPair?
    if let certificate, let key {
      pair = KeyPair(
        certificate: try PEMFile.certificates(try resolve(certificate)).pem,
        key: try PEMFile.key(try resolve(key)).pem)
    }
    return try ClientCredentials(trusted: trusted, pair: pair, host: serverName ?? target.host)
      .handshake
  }
}

extension ChannelTarget {
  /// Whose certificate is expected.
  fileprivate var host: String {
    switch address {
    case .host(let host, _): host
    case .unixSocket: "localhost"
    }
  }
}
