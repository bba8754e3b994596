import Glibc
import HTTP2
import NIOCore
import NIOPosix
import Testing

@testable import GRPC

@Suite("A server", .timeLimit(.minutes(1)))
struct GRPCServerTests {
  let hello = RawClient.frame(Array("hello".utf8))
  let service = TestService()

  private func server(_ configuration: ServerConfiguration = ServerConfiguration()) -> GRPCServer {
    GRPCServer(
      router: service.router, configuration: configuration,
      group: MultiThreadedEventLoopGroup.singleton)
  }

  @Test("listens on several addresses and tells the ports that the system chose")
  func addresses() async throws {
    let server = server()
    let path = socketPath("several")
    let addresses = try await server.start([
      .tcp(host: "127.0.0.1", port: 0), .tcp(host: "::1", port: 0), .unix(path: path),
    ])
    #expect(server.addresses == addresses && addresses.count == 3)
    for address in addresses {
      let client = try await RawClient.connect(to: address)
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      await client.close()
    }
    let peers = service.seen.withLock { $0.requests.map(\.peer) }
    #expect(peers[0].hasPrefix("127.0.0.1:") && peers[1].hasPrefix("[::1]:"))
    #expect(peers[2] == "unix:")
    await server.stop(grace: .zero)
    #expect(lstatFails(path))
    #expect(server.addresses.isEmpty)
  }

  @Test("says so when its port is in use, and then listens nowhere")
  func portInUse() async throws {
    let first = server()
    let address = try await first.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let path = socketPath("in-use")
    let second = server()
    await #expect(throws: ServerError.addressInUse(address)) {
      try await second.start([.unix(path: path), address])
    }
    #expect(second.addresses.isEmpty)
    await second.stop()
    await first.stop(grace: .zero)
  }

  @Test("replaces a socket that nobody listens on, but no other file, and no server")
  func staleSocket() async throws {
    let path = socketPath("stale")
    let first = server()
    try await first.start([.unix(path: path)])
    let second = server()
    await #expect(throws: ServerError.addressInUse(.unix(path: path))) {
      try await second.start([.unix(path: path)])
    }
    await first.stop(grace: .zero)

    #expect(lstatFails(path))
    leaveStaleSocket(path)
    #expect(!lstatFails(path))
    let third = server()
    try await third.start([.unix(path: path)])
    await third.stop(grace: .zero)

    await #expect(throws: ServerError.self) { try await server().start([.unix(path: "/tmp")]) }
    await #expect(throws: ServerError.self) {
      try await server().start([.unix(path: "/tmp/" + String(repeating: "a", count: 200))])
    }
  }

  @Test("is started once")
  func startedOnce() async throws {
    let server = server()
    try await server.start([.tcp(host: "127.0.0.1", port: 0)])
    await #expect(throws: ServerError.alreadyStarted) { try await server.start([ServerAddress]()) }
    await server.stop(grace: .zero)
  }

  @Test("stops in order: two GOAWAYs, open calls go on, new connections are refused")
  func gracefulStop() async throws {
    let server = server()
    let address = try await server.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let client = try await RawClient.connect(to: address)
    let call = try await client.start("/test.Test/Hold", hello)
    try await service.wait { $0.held.count == 1 }
    async let stopped: Void = server.stop(grace: .seconds(30))
    try await eventually { try await client.goAways().count >= 2 }
    await #expect(throws: (any Error).self) { _ = try await RawClient.connect(to: address) }
    service.seen.withLock { $0.held.popLast() }?.respond(ByteBuffer(bytes: [1]))
    let response = try await call.response()
    #expect(response.status == .ok && response.messages.first?.bytes == [1])
    await stopped
    #expect(server.connectionCount == 0)
  }

  @Test("does not wait, when it stops, for connections that never said anything")
  func stopWithSilentConnection() async throws {
    let server = server()
    let address = try await server.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    guard case .tcp(let host, let port) = address else { return }
    let silent = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: host, port: port).get()
    try await eventually { server.connectionCount != 0 }
    await server.stop(grace: .hours(1))
    try await silent.closeFuture.get()
    #expect(server.connectionCount == 0)
  }

  @Test("cuts what is open when the grace is over")
  func graceOver() async throws {
    let server = server()
    let address = try await server.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let client = try await RawClient.connect(to: address)
    let call = try await client.start("/test.Test/Hold", hello)
    try await service.wait { $0.held.count == 1 }
    await server.stop(grace: .milliseconds(50))
    #expect(try await call.response().status == nil)
    try await service.wait { $0.cancellations == 1 }
    service.seen.withLock { $0.held.removeAll() }
  }

  @Test("refuses connections above its limits, in all and from one peer", arguments: [true, false])
  func connectionLimits(perPeer: Bool) async throws {
    var configuration = ServerConfiguration()
    if perPeer {
      configuration.maxConnectionsPerPeer = 2
    } else {
      configuration.maxConnections = 2
    }
    let server = server(configuration)
    let address = try await server.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let first = try await RawClient.connect(to: address)
    let second = try await RawClient.connect(to: address)
    #expect(try await first.call("/test.Test/Echo", hello).status == .ok)
    #expect(try await second.call("/test.Test/Echo", hello).status == .ok)
    let third = try await RawClient.connect(to: address)
    try await third.closed()

    await first.close()
    try await eventually { server.connectionCount != 2 }
    let fourth = try await RawClient.connect(to: address)
    #expect(try await fourth.call("/test.Test/Echo", hello).status == .ok)
    await server.stop(grace: .zero)
  }

  private func socketPath(_ name: String) -> String {
    "/tmp/grpc-server-test-\(name)-\(UInt32.random(in: 0 ... .max)).sock"
  }

  /// Does what a process that is killed does: it leaves the file of its socket behind.
  private func leaveStaleSocket(_ path: String) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    Glibc.close(descriptor)
  }

  private func lstatFails(_ path: String) -> Bool {
    !UnixSocketFile.exists(path)
  }
}
