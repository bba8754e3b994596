import GRPC
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import TransportSecurity

/// Channels and servers of GRPC with TLS between them.
@Suite("Handshakes", .timeLimit(.minutes(2)))
struct HandshakeTests {
  /// The TLS of a client that does not read files.
  private struct Security: ClientSecurity {
    var trusted: PEM? = Certificates.authority
    var pair: KeyPair?
    var host: String

    func prepare(
      for target: ChannelTarget, on eventLoop: any EventLoop
    ) -> EventLoopFuture<ClientHandshake> {
      eventLoop.makeCompletedFuture {
        try ClientCredentials(trusted: trusted, pair: pair, host: host).handshake
      }
    }
  }

  private static let pair = KeyPair(
    certificate: Certificates.server, key: Certificates.serverKey)

  /// A server that answers with what it knows of the client.
  private static func serve(
    _ credentials: ServerCredentials, connectionsPerPeer: Int = 1_000,
    _ body: (GRPCServer, ChannelTarget) async throws -> Void
  ) async throws {
    var router = Router()
    router.unary("/test.Test/Who") { request, responder in
      let name = request.caller as? String ?? "nobody"
      responder.respond(ByteBuffer(string: name))
    }
    var configuration = ServerConfiguration()
    configuration.maxConnectionsPerPeer = connectionsPerPeer
    configuration.admit = { head in
      switch head.certificate {
      case .named(let name): .admitted(name)
      case .nameless: .refused(RPCStatus(code: .unauthenticated))
      case nil: .admitted(nil)
      }
    }
    let server = GRPCServer(
      router: router, configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
    var listener = ServerListener(.tcp(host: "127.0.0.1", port: 0))
    listener.security = credentials
    guard case .tcp(_, let port) = try await server.start([listener])[0] else { return }
    do { try await body(server, try ChannelTarget("127.0.0.1:\(port)")) } catch {
      await server.stop(grace: .zero)
      throw error
    }
    await server.stop(grace: .zero)
  }

  private static func channel(_ target: ChannelTarget, _ security: Security?) -> GRPCChannel {
    var configuration = ChannelConfiguration()
    configuration.security = security
    return GRPCChannel(
      target: target, configuration: configuration,
      eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Logger(label: "test"))
  }

  private static func ask(_ channel: GRPCChannel) async throws -> String {
    let answer = try await channel.unary(
      path: "/test.Test/Who", message: ByteBuffer(), deadline: .now() + .seconds(20))
    return String(buffer: answer.message)
  }

  /// Asks once; the error's text if there is no answer.
  private static func ask(_ target: ChannelTarget, _ security: Security?) async -> String {
    let channel = channel(target, security)
    defer { channel.closeNow() }
    do { return try await ask(channel) } catch let error as RPCStatus {
      return "\(error.code.name): \(error.message)"
    } catch { return "\(error)" }
  }

  @Test("A client without certificate is nobody, one with a certificate has its name")
  func names() async throws {
    let credentials = try ServerCredentials(
      Self.pair, clientCertificates: .optional, trusted: Certificates.authority)
    try await Self.serve(credentials) { _, target in
      #expect(await Self.ask(target, Security(host: "localhost")) == "nobody")
      let known = KeyPair(certificate: Certificates.uri, key: Certificates.uriKey)
      let byName = Security(pair: known, host: "x.example.org")
      #expect(await Self.ask(target, byName) == "spiffe://a/first")
      let nameless = KeyPair(certificate: Certificates.none, key: Certificates.noneKey)
      let refused = await Self.ask(target, Security(pair: nameless, host: "127.0.0.1"))
      #expect(refused.hasPrefix("UNAUTHENTICATED"))
    }
  }

  @Test("Where certificates are demanded, none, a stranger's and plain HTTP/2 get no connection")
  func demanded() async throws {
    let credentials = try ServerCredentials(
      Self.pair, clientCertificates: .required, trusted: Certificates.authority)
    try await Self.serve(credentials) { server, target in
      let stranger = KeyPair(certificate: Certificates.foreign, key: Certificates.foreignKey)
      for security in [
        Security(host: "localhost"), Security(pair: stranger, host: "localhost"), nil,
      ] {
        let answer = await Self.ask(target, security)
        #expect(answer.hasPrefix("UNAVAILABLE"), "\(answer)")
      }
      #expect(server.statistics.handshakesFailed >= 3)
    }
  }

  @Test("A server is refused that has another name, or that nobody trusted vouches for")
  func wrongServer() async throws {
    let credentials = try ServerCredentials(
      KeyPair(certificate: Certificates.address, key: Certificates.addressKey),
      clientCertificates: .none, trusted: nil)
    try await Self.serve(credentials) { _, target in
      #expect(await Self.ask(target, Security(host: "127.0.0.1")) == "nobody")
      // It is the address that was connected to, and the common name: neither is a DNS name.
      let name = await Self.ask(target, Security(host: "localhost"))
      #expect(name.contains("has not the DNS name localhost"), "\(name)")
      var stranger = Security(host: "127.0.0.1")
      stranger.trusted = Certificates.stranger
      let answer = await Self.ask(target, stranger)
      #expect(answer.contains("certificate verify failed"), "\(answer)")
    }
  }

  @Test("New credentials are for new connections; other authorities make clients connect anew")
  func replaced() async throws {
    let credentials = try ServerCredentials(
      Self.pair, clientCertificates: .optional, trusted: Certificates.authority)
    try await Self.serve(credentials) { server, target in
      let known = KeyPair(certificate: Certificates.dns, key: Certificates.dnsKey)
      let channel = Self.channel(target, Security(pair: known, host: "localhost"))
      defer { channel.closeNow() }
      let first = try await Self.ask(channel)
      #expect(first == "first.example")
      let other = KeyPair(certificate: Certificates.address, key: Certificates.addressKey)
      let isRenewalTrust = try credentials.replace(other, trusted: Certificates.authority)
      #expect(!isRenewalTrust)
      let second = try await Self.ask(channel)
      #expect(second == "first.example")
      #expect(server.statistics.connections == 1)
      let isOtherTrust = try credentials.replace(Self.pair, trusted: Certificates.stranger)
      #expect(isOtherTrust)
      server.renewCertifiedConnections()
      await #expect(throws: RPCStatus.self) {
        for _ in 0..<1_000 { _ = try await Self.ask(channel) }
      }
    }
  }

  @Test("What cannot be used says which file, and changes nothing")
  func unusable() throws {
    let credentials = try ServerCredentials(Self.pair, clientCertificates: .none, trusted: nil)
    func problem(_ certificate: PEM, _ key: PEM) -> String? {
      do {
        _ = try credentials.replace(KeyPair(certificate: certificate, key: key), trusted: nil)
        return nil
      } catch { return "\(error)" }
    }
    let garbage = PEM(Array("garbage".utf8), source: "x.pem")
    #expect(problem(garbage, Certificates.serverKey) == "x.pem: has no certificates in PEM")
    #expect(
      problem(Certificates.server, garbage)
        == "x.pem: has no private key in PEM without a passphrase")
    #expect(
      problem(Certificates.server, Certificates.uriKey)
        == "uri.key: is not the key of the certificate in server.pem")
    #expect(problem(Certificates.server, Certificates.serverKey) == nil)
  }

  @Test("Half-way handshakes make room for others; who is through stays")
  func halfWay() async throws {
    let credentials = try ServerCredentials(Self.pair, clientCertificates: .none, trusted: nil)
    try await Self.serve(credentials, connectionsPerPeer: 20) { server, target in
      let through = Self.channel(target, Security(host: "localhost"))
      defer { through.closeNow() }
      #expect(try await Self.ask(through) == "nobody")
      guard case .host(let host, let port) = target.address else { return }
      let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      var silent: [any Channel] = []
      for _ in 0..<60 { silent.append(try await bootstrap.connect(host: host, port: port).get()) }
      #expect(await Self.ask(target, Security(host: "localhost")) == "nobody")
      #expect(try await Self.ask(through) == "nobody")
      // The system accepts connections before the server hears of them.
      while server.statistics.handshakesDropped < 50 { _ = try await Self.ask(through) }
      #expect(server.statistics.handshakes <= 10)
      for channel in silent { channel.close(promise: nil) }
    }
  }
}
