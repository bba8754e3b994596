import NIOSSL

/// The text of a file in PEM (RFC 7468), and by what name errors call it.
public struct PEM: Sendable, Hashable {
  /// The contents.
  public let bytes: [UInt8]
  /// Where they are from: a path.
  public let source: String

  /// Some contents and where they are from.
  public init(_ bytes: [UInt8], source: String) {
    self.bytes = bytes
    self.source = source
  }

  /// One certificate at least.
  func certificates() throws(CredentialsError) -> [NIOSSLCertificate] {
    let all = try? NIOSSLCertificate.fromPEMBytes(bytes)
    guard let all, !all.isEmpty else {
      throw CredentialsError(source, "has no certificates in PEM")
    }
    return all
  }

  func privateKey() throws(CredentialsError) -> NIOSSLPrivateKey {
    do { return try NIOSSLPrivateKey(bytes: bytes, format: .pem) } catch {
      throw CredentialsError(source, "has no private key in PEM without a passphrase")
    }
  }
}

/// Why a certificate, a key or certificates to trust cannot be used.
public struct CredentialsError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Which file.
  public let source: String
  /// What is wrong with it, beginning with a verb.
  public let problem: String

  init(_ source: String, _ problem: String) {
    self.source = source
    self.problem = problem
  }

  /// The file, and what is wrong with it.
  public var description: String { "\(source): \(problem)" }
}

/// A certificate chain, leaf first, and its private key.
public struct KeyPair: Sendable, Hashable {
  let certificate: PEM
  let key: PEM

  /// What is in two files, which may be one.
  public init(certificate: PEM, key: PEM) {
    self.certificate = certificate
    self.key = key
  }

  func add(to configuration: inout TLSConfiguration) throws(CredentialsError) {
    configuration.certificateChain = try certificate.certificates().map { .certificate($0) }
    configuration.privateKey = .privateKey(try key.privateKey())
  }

  /// What a context throws beyond what was looked at before.
  static func context(
    _ configuration: TLSConfiguration, _ pair: KeyPair?
  ) throws(CredentialsError) -> NIOSSLContext {
    do { return try NIOSSLContext(configuration: configuration) } catch {
      guard let pair else {
        throw CredentialsError("the system's certificates", "cannot be used: \(error)")
      }
      throw CredentialsError(
        pair.key.source, "is not the key of the certificate in \(pair.certificate.source)")
    }
  }
}

extension TLSConfiguration {
  /// What both sides demand (RFC 9113, section 9.2).
  mutating func demandHTTP2() {
    minimumTLSVersion = .tlsv12
    applicationProtocols = [HandshakeGate.applicationProtocol]
    // Peers that do not say farewell are not waited for long.
    shutdownTimeout = .seconds(1)
  }
}
