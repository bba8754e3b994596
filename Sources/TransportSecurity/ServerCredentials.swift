public import GRPC
import Glibc
public import NIOCore
import NIOSSL
import Synchronization

/// The TLS of a listener: what it shows, and whose certificates it takes. Both can be replaced at
/// any time; connections that are open go on with what they began with.
public final class ServerCredentials: ServerSecurity {
  /// Whether clients show certificates.
  public enum ClientCertificates: Sendable, Hashable {
    /// They are not asked.
    case none
    /// They may; one that is not trusted ends the handshake.
    case optional
    /// They must.
    case required
  }

  private struct State {
    var context: NIOSSLContext
    /// Grows whenever other certificates are trusted than before.
    var trust = 0
    var trusted: PEM?
  }

  private let clientCertificates: ClientCertificates
  private let state: Mutex<State>

  /// - Parameters:
  ///   - pair: What is shown to clients.
  ///   - clientCertificates: Whether they show theirs.
  ///   - trusted: Who signs them: there are some unless nobody is asked.
  public init(
    _ pair: KeyPair, clientCertificates: ClientCertificates, trusted: PEM?
  ) throws(CredentialsError) {
    self.clientCertificates = clientCertificates
    let context = try Self.context(pair, clientCertificates, trusted)
    state = Mutex(State(context: context, trusted: trusted))
  }

  /// Uses these from the next connection on; what cannot be used changes nothing.
  ///
  /// - Returns: whether other certificates of clients are trusted than before.
  public func replace(_ pair: KeyPair, trusted: PEM?) throws(CredentialsError) -> Bool {
    let context = try Self.context(pair, clientCertificates, trusted)
    return state.withLock { state in
      state.context = context
      guard state.trusted?.bytes != trusted?.bytes else { return false }
      state.trusted = trusted
      state.trust += 1
      return true
    }
  }

  private static func context(
    _ pair: KeyPair, _ clientCertificates: ClientCertificates, _ trusted: PEM?
  ) throws(CredentialsError) -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: [], privateKey: .privateKey(try pair.key.privateKey()))
    try pair.add(to: &configuration)
    configuration.demandHTTP2()
    switch clientCertificates {
    case .none: configuration.certificateVerification = .none
    case .optional: configuration.certificateVerification = .optionalVerification
    case .required: configuration.certificateVerification = .noHostnameVerification
    }
    if clientCertificates != .none {
      // Without roots nobody is trusted: the system's would be everybody.
      configuration.trustRoots = .certificates(try trusted?.certificates() ?? [])
    }
    return try KeyPair.context(configuration, pair)
  }

  /// Begins the handshake of a client with what is in force now.
  public func secure(
    _ channel: any Channel, _ ended: @escaping (Result<SecuredPeer, any Error>) -> Void
  ) throws {
    let (context, trust) = state.withLock { ($0.context, $0.trust) }
    let tls = NIOSSLServerHandler(context: context)
    let isTrusted: @Sendable () -> Bool = { self.state.withLock { $0.trust } == trust }
    let gate = HandshakeGate(tls) { result in
      ended(
        result.flatMap { certificate in
          // A session that is resumed is not verified anew, and may be days old.
          if let certificate, certificate.notValidAfter < time(nil) {
            return .failure(HandshakeFailure("the client's certificate has expired"))
          }
          return .success(
            SecuredPeer(
              certificate: certificate.map { CertificateNames($0).peerCertificate },
              isTrusted: isTrusted))
        }.mapError { $0 })
    }
    try channel.pipeline.syncOperations.addHandlers([tls, gate])
  }
}

extension CertificateNames {
  fileprivate var peerCertificate: PeerCertificate {
    principal.map { .named($0) } ?? .nameless
  }
}
