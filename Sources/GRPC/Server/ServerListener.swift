public import NIOCore

/// Where a server listens, and what it is there.
public struct ServerListener: Sendable {
  /// The address.
  public var address: ServerAddress
  /// What secures its connections; nil = they begin with HTTP/2.
  public var security: (any ServerSecurity)?
  /// The methods that are served there; nil = all of the server's.
  public var router: Router?

  /// Serves all methods without TLS.
  public init(_ address: ServerAddress) { self.address = address }
}

/// What secures the connections of a listener before HTTP/2 begins on them: TLS.
public protocol ServerSecurity: Sendable {
  /// Puts what secures a new connection into its pipeline. Called on its event loop.
  ///
  /// - Parameter ended: To be told once, on the loop, how the handshake ended, and before any byte
  ///   of HTTP/2 goes on to the next handler.
  /// - Throws: when there can be no handshake.
  func secure(
    _ channel: any Channel, _ ended: @escaping (Result<SecuredPeer, any Error>) -> Void
  ) throws
}

/// Who is at the other end of a connection whose handshake is done.
public struct SecuredPeer: Sendable {
  /// What it showed; nil = nothing.
  public let certificate: PeerCertificate?
  /// Whether it would still be taken; asked once more when the connection is known to the server,
  /// so that none slips through while the trust in its certificate ends.
  public let isTrusted: @Sendable () -> Bool

  /// What a handshake found out.
  public init(certificate: PeerCertificate?, isTrusted: @escaping @Sendable () -> Bool) {
    self.certificate = certificate
    self.isTrusted = isTrusted
  }
}

/// A client's certificate, verified.
public enum PeerCertificate: Sendable, Hashable {
  /// Its name.
  case named(String)
  /// It has none that could be read.
  case nameless
}
