import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import GRPC

/// Names, several addresses, and servers that flood.
@Suite(.timeLimit(.minutes(1))) struct ChannelResolutionTests {
  /// A resolver that answers what the test says; nil is a failure.
  private struct FakeResolver: AddressResolver {
    let addresses = NIOLockedValueBox<[SocketAddress]?>(nil)
    let lookUps = NIOLockedValueBox(0)

    func resolve(
      host: String, port: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<[SocketAddress]> {
      lookUps.withLockedValue { $0 += 1 }
      guard let found = addresses.withLockedValue({ $0 }) else {
        return eventLoop.makeFailedFuture(ResolutionError(host: host, reason: "no such host"))
      }
      return eventLoop.makeSucceededFuture(found)
    }
  }

  private static func target() throws -> ChannelTarget { try ChannelTarget("service.test:80") }

  @Test("Calls take turns over the addresses of a name")
  func roundRobin() async throws {
    let servers = [
      try await ScriptedServer.start { $0.answer("a") },
      try await ScriptedServer.start { $0.answer("b") },
    ]
    let resolver = FakeResolver()
    resolver.addresses.withLockedValue { $0 = servers.map(\.address) }
    let harness = ChannelHarness(to: try Self.target(), resolver: resolver)
    var texts: [String?] = []
    // The second connection may need a moment more than the first.
    while Set(texts).count < 2 { texts.append(try await harness.call().text) }
    texts = []
    for _ in 1...4 { texts.append(try await harness.call().text) }
    #expect(texts == ["a", "b", "a", "b"] || texts == ["b", "a", "b", "a"])
    try await harness.stop(servers[0], servers[1])
  }

  @Test("An address that does not answer does not matter while another does")
  func oneAddressDown() async throws {
    let server = try await ScriptedServer.start()
    let resolver = FakeResolver()
    let dead = try await unusedAddress()
    resolver.addresses.withLockedValue { $0 = [dead, server.address] }
    let harness = ChannelHarness(to: try Self.target(), resolver: resolver)
    for _ in 1...5 {
      let result = try await harness.call()
      #expect(result.text == "hello")
    }
    try await harness.stop(server)
  }

  @Test("A name that cannot be resolved is unreachable, and is looked up again")
  func resolutionFailure() async throws {
    let resolver = FakeResolver()
    let harness = ChannelHarness(to: try Self.target(), resolver: resolver)
    let failed = try await harness.call()
    #expect(failed.localReason == .unreachable && !failed.seen)
    #expect(failed.status.message.contains("cannot resolve \"service.test\": no such host"))
    let server = try await ScriptedServer.start()
    resolver.addresses.withLockedValue { $0 = [server.address] }
    let result = try await harness.call(waitForReady: true)
    #expect(result.text == "hello")
    try await harness.stop(server)
  }

  @Test("When a server is gone the name is looked up, and its new address is used")
  func movedServer() async throws {
    let old = try await ScriptedServer.start { $0.answer("old") }
    let new = try await ScriptedServer.start { $0.answer("new") }
    let resolver = FakeResolver()
    resolver.addresses.withLockedValue { $0 = [old.address] }
    let harness = ChannelHarness(to: try Self.target(), resolver: resolver)
    let first = try await harness.call()
    resolver.addresses.withLockedValue { $0 = [new.address] }
    await old.stop()
    var second = try await harness.call(waitForReady: true)
    // The loss of the connection may not have been noticed yet.
    if second.localReason == .connectionLost { second = try await harness.call(waitForReady: true) }
    #expect([first.text, second.text] == ["old", "new"])
    try await harness.stop(new)
  }

  @Test("The system's resolver finds localhost and says why it finds nothing")
  func systemResolver() async throws {
    let loop = ChannelHarness(to: try Self.target(), resolver: FakeResolver()).channel.eventLoop
    let found = try await SystemResolver().resolve(host: "localhost", port: 80, on: loop).get()
    #expect(found.contains { $0.ipAddress == "127.0.0.1" || $0.ipAddress == "::1" })
    #expect(found.allSatisfy { $0.port == 80 })
    let error = await #expect(throws: ResolutionError.self) {
      try await SystemResolver().resolve(host: "name.invalid", port: 80, on: loop).get()
    }
    #expect(error?.host == "name.invalid")
  }

  @Test(
    "A server that floods us with frames that carry nothing loses its connection",
    arguments: ["ping", "settings", "empty data", "window update", "unknown"])
  func floods(kind: String) async throws {
    let frame =
      switch kind {
      case "ping": ScriptedConnection.frame(type: 6, [UInt8](repeating: 0, count: 8))
      case "settings": ScriptedConnection.frame(type: 4, [])
      case "empty data": ScriptedConnection.frame(type: 0, stream: 1, [])
      case "window update": ScriptedConnection.frame(type: 8, [0, 0, 0, 1])
      default: ScriptedConnection.frame(type: 99, [])
      }
    var flood = ByteBuffer()
    for _ in 0..<110_000 { flood.writeBytes(frame) }
    let bytes = Array(buffer: flood)
    let server = try await ScriptedServer.start { call in
      guard call.connection.number == 1 else { return call.answer("hello") }
      call.begin()
      call.connection.sendRaw(bytes)
    }
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call()
    #expect(result.status.code == .unavailable)
    #expect(result.localReason == .connectionLost)
    #expect(result.status.message.contains("the peer broke HTTP/2"))
    let next = try await harness.call(waitForReady: true)
    #expect(next.text == "hello")
    try await harness.stop(server)
  }
}
