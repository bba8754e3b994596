public import GRPC
import NIOCore
import NIOSSL

/// The TLS of one connection to a server, whose certificate is verified always.
public struct ClientCredentials: Sendable {
  private let context: NIOSSLContext
  /// nil = the address that was connected to has to be in the certificate.
  private let serverName: String?

  /// - Parameters:
  ///   - trusted: Who signs servers' certificates; nil = whom the system trusts.
  ///   - pair: What is shown to servers that ask.
  ///   - host: The name, or the IP address, that the certificate must have.
  public init(trusted: PEM?, pair: KeyPair?, host: String) throws(CredentialsError) {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.demandHTTP2()
    configuration.certificateVerification = .fullVerification
    if let trusted { configuration.trustRoots = .certificates(try trusted.certificates()) }
    if let pair { try pair.add(to: &configuration) }
    context = try KeyPair.context(configuration, pair)
    serverName = Self.isAddress(host) ? nil : Self.withoutFinalDot(host)
  }

  /// Whether a host is a literal IP address, with or without a zone.
  public static func isAddress(_ host: String) -> Bool {
    let address = String(host.prefix { $0 != "%" })
    return (try? SocketAddress(ipAddress: address, port: 0)) != nil
  }

  private static func withoutFinalDot(_ host: String) -> String {
    host.utf8.last == UInt8(ascii: ".") ? String(host.dropLast()) : host
  }

  /// The beginning of the handshake.
  public var handshake: ClientHandshake {
    ClientHandshake { [context, serverName] channel, ended in
      let tls = try NIOSSLClientHandler(context: context, serverHostname: serverName)
      let gate = HandshakeGate(tls) { result in
        ended(result.flatMap { Self.check($0, serverName) }.mapError { $0 })
      }
      try channel.pipeline.syncOperations.addHandlers([tls, gate, LateAlerts()])
    }
  }

  /// NIOSSL takes an IP address in the certificate, or its common name, for the name: whoever leads
  /// us to the host of some certificate would have it taken for any other.
  private static func check(
    _ certificate: NIOSSLCertificate?, _ serverName: String?
  ) -> Result<Void, HandshakeFailure> {
    guard let certificate else { return .failure(HandshakeFailure("there is no certificate")) }
    if let serverName, !CertificateNames(certificate).has(dnsName: serverName) {
      return .failure(
        HandshakeFailure("the peer's certificate has not the DNS name \(serverName)"))
    }
    return .success(())
  }
}
