import Logging
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import GRPC

/// Peers that go away, come back, freeze and move, and the calls that wait meanwhile.
@Suite(.timeLimit(.minutes(1))) struct ChannelOutageTests {
  /// A resolver that takes its time.
  private struct SlowResolver: AddressResolver {
    let delay: TimeAmount
    let addresses: NIOLockedValueBox<[SocketAddress]>
    let answers = NIOLockedValueBox(0)

    init(_ addresses: [SocketAddress], delay: TimeAmount = .zero) {
      self.addresses = NIOLockedValueBox(addresses)
      self.delay = delay
    }

    func resolve(
      host: String, port: Int, on eventLoop: any EventLoop
    ) -> EventLoopFuture<[SocketAddress]> {
      eventLoop.scheduleTask(in: delay) {
        answers.withLockedValue { $0 += 1 }
        return addresses.withLockedValue { $0 }
      }.futureResult
    }
  }

  private struct Records: LogHandler {
    let lines: NIOLockedValueBox<[(Logger.Level, String, Logger.Metadata)]>
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      lines.withLockedValue { $0.append((event.level, "\(event.message)", event.metadata ?? [:])) }
    }
  }

  private static func target() throws -> ChannelTarget { try ChannelTarget("service.test:80") }

  @Test("A server that comes back is found, though look-ups answer while the next attempt waits")
  func slowLookUp() async throws {
    let address = try await unusedAddress()
    let first = try await ScriptedServer.start(at: address) { $0.answer("first") }
    let resolver = SlowResolver([address], delay: .milliseconds(30))
    var configuration = ChannelHarness.configuration
    configuration.backoff = BackoffPolicy(
      initial: .milliseconds(100), maximum: .milliseconds(200), jitter: 0)
    let harness = ChannelHarness(
      to: try Self.target(), configuration: configuration, resolver: resolver)
    let before = try await harness.call()
    await first.stop()
    let answers = resolver.answers.withLockedValue { $0 }
    try await eventually { resolver.answers.withLockedValue({ $0 }) >= answers + 3 }
    let second = try await ScriptedServer.start(at: address) { $0.answer("second") }
    let after = try await harness.call(waitForReady: true)
    #expect([before.text, after.text] == ["first", "second"])
    try await harness.stop(second)
  }

  @Test("An address that is added to a name gets calls while the others work")
  func addedAddress() async throws {
    let first = try await ScriptedServer.start { $0.answer("first") }
    let second = try await ScriptedServer.start { $0.answer("second") }
    let resolver = SlowResolver([first.address])
    var configuration = ChannelHarness.configuration
    configuration.partialResolutionInterval = .milliseconds(10)
    configuration.resolutionInterval = .milliseconds(20)
    let harness = ChannelHarness(
      to: try Self.target(), configuration: configuration, resolver: resolver)
    let before = try await harness.call()
    resolver.addresses.withLockedValue { $0.append(second.address) }
    var texts: Set<String?> = []
    while texts.count < 2 { texts.insert(try await harness.call().text) }
    #expect(before.text == "first")
    #expect(texts == ["first", "second"])
    try await harness.stop(first, second)
  }

  @Test("A name that moves to an address on which nobody listens keeps the connection that works")
  func wrongAddress() async throws {
    let server = try await ScriptedServer.start()
    let resolver = SlowResolver([server.address])
    var configuration = ChannelHarness.configuration
    configuration.partialResolutionInterval = .milliseconds(10)
    configuration.resolutionInterval = .milliseconds(20)
    let harness = ChannelHarness(
      to: try Self.target(), configuration: configuration, resolver: resolver)
    _ = try await harness.call()
    let dead = try await unusedAddress()
    resolver.addresses.withLockedValue { $0 = [dead] }
    let answers = resolver.answers.withLockedValue { $0 }
    try await eventually { resolver.answers.withLockedValue({ $0 }) >= answers + 3 }
    let result = try await harness.call()
    #expect(result.text == "hello")
    try await harness.stop(server)
  }

  @Test("A call waits for its endpoint beyond its timeout, which counts from when it is sent")
  func timeout() async throws {
    let address = try await unusedAddress()
    let harness = try ChannelHarness(to: address)
    let clock = ContinuousClock()
    let begin = clock.now
    let (_, waiting) = harness.start(timeout: .milliseconds(200), waitForReady: true)
    try await eventually { clock.now - begin >= .milliseconds(300) }
    let server = try await ScriptedServer.start(at: address) { call in
      if call.number == 1 { call.answer("taken") }
    }
    let result = try await waiting.get()
    #expect(result.text == "taken")
    let (_, unanswered) = harness.start(timeout: .milliseconds(50), waitForReady: true)
    let late = try await unanswered.get()
    #expect(late.status.code == .deadlineExceeded)
    #expect(late.localReason == .deadline && late.seen)
    #expect(late.status.message.contains("timeout"))
    try await harness.stop(server)
  }

  @Test("The peer is told the nearer of deadline and timeout")
  func sentTimeout() async throws {
    let seen = NIOLockedValueBox<[String]>([])
    let server = try await ScriptedServer.start { call in
      seen.withLockedValue { $0.append(call.headers.first("grpc-timeout") ?? "none") }
      call.answer("hello")
    }
    let harness = try ChannelHarness(to: server.address)
    for (within, timeout) in [(20, 2), (2, 20)] as [(Int64, Int64)] {
      let (_, result) = harness.start(within: .seconds(within), timeout: .seconds(timeout))
      _ = try await result.get()
    }
    let amounts = seen.withLockedValue { $0 }.compactMap { Timeout.parse(Array($0.utf8)) }
    #expect(amounts.count == 2)
    #expect(amounts.allSatisfy { $0 <= .seconds(2) && $0 > .seconds(1) })
    try await harness.stop(server)
  }

  @Test("A frozen peer is given up though its calls end before the answer to the PING is due")
  func frozenPeer() async throws {
    let server = try await ScriptedServer.start { call in
      if call.connection.number == 1 {
        call.connection.channel.setOption(.autoRead, value: false).whenComplete { _ in }
      } else {
        call.answer("thawed")
      }
    }
    var configuration = ChannelHarness.configuration
    configuration.keepalive = KeepalivePolicy(interval: nil)
    configuration.liveness = LivenessPolicy(
      silence: .milliseconds(200), timeout: .milliseconds(100))
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    try await harness.ready()
    // A PING that comes together with its call is still answered: the next call has another one
    // sent.
    try await eventually {
      let (_, result) = harness.start(timeout: .milliseconds(50))
      let lost = try await result.get()
      #expect(lost.localReason == .deadline)
      let isLeft: ()? = try? await eventually(within: .milliseconds(500)) {
        server.events.connections >= 2
      }
      return isLeft != nil
    }
    let next = try await harness.call(waitForReady: true)
    #expect(next.text == "thawed")
    try await harness.stop(server)
  }

  @Test("Of several connections to a frozen peer each is asked when one has fallen silent")
  func frozenConnections() async throws {
    let server = try await ScriptedServer.start { call in
      if call.connection.number <= 3 {
        call.connection.channel.setOption(.autoRead, value: false).whenComplete { _ in }
      } else {
        call.answer("thawed")
      }
    } onConnect: { connection in
      // The other two read nothing either, once they have greeted.
      guard connection.number <= 3 else { return }
      let loop = connection.channel.eventLoop
      loop.assumeIsolated().scheduleTask(in: .milliseconds(100)) {
        connection.channel.setOption(.autoRead, value: false).whenComplete { _ in }
      }
    }
    var configuration = ChannelHarness.configuration
    configuration.connections = 3
    configuration.liveness = LivenessPolicy(
      silence: .milliseconds(500), timeout: .milliseconds(200))
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    try await harness.ready()
    try await eventually { try await harness.onLoop({ $0.usable.count }) >= 3 }
    let lost = try await harness.call()
    #expect(lost.localReason == .connectionLost)
    let next = try await harness.call(waitForReady: true)
    #expect(next.text == "thawed")
    try await eventually { server.events.connections >= 6 }
    try await harness.stop(server)
  }

  @Test("An outage is told once when it begins and once when it is over, not per attempt")
  func outageLog() async throws {
    let lines = NIOLockedValueBox<[(Logger.Level, String, Logger.Metadata)]>([])
    let address = try await unusedAddress()
    let logger = Logger(label: "test") { _ in Records(lines: lines) }
    let harness = ChannelHarness(
      to: try ChannelTarget("127.0.0.1:\(address.port ?? 1)"), resolver: SlowResolver([]),
      logger: logger)
    let waiting = (1...3).map { _ in harness.start(waitForReady: true).result }
    let failed = try await harness.call()
    #expect(failed.localReason == .unreachable)
    // Some attempts more.
    for _ in 1...3 {
      let attempt = try await harness.onLoop { $0.state.slots.first?.state.attempt ?? 0 }
      try await eventually {
        try await harness.onLoop { $0.state.slots.first?.state.attempt ?? 0 } != attempt
      }
    }
    let server = try await ScriptedServer.start(at: address)
    for result in waiting { #expect(try await result.get().text == "hello") }
    try await harness.stop(server)
    let told = lines.withLockedValue { $0 }
    #expect(told.map(\.0) == [.warning, .notice])
    #expect(told.first?.1 == "the endpoint cannot be reached")
    let reason = told.first.map { "\($0.2)" } ?? ""
    #expect(reason.contains("Connection refused"))
    #expect(told.last?.1 == "the endpoint can be reached again")
    #expect(told.last?.2["waited"] == "4" || told.last?.2["waited"] == "3")
  }
}
