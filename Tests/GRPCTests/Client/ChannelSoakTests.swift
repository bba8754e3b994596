import HTTP2
import NIOConcurrencyHelpers
import NIOCore
import Testing

@testable import GRPC

/// Many calls against servers that do everything wrong.
@Suite(.timeLimit(.minutes(2))) struct ChannelSoakTests {
  /// What a bad server does with a request, by a seeded row of numbers.
  private static func misbehave(_ call: ScriptedCall, _ random: UInt64) {
    switch random % 16 {
    case 0: call.stream.reset(.refusedStream)
    case 1: call.stream.reset(.internalError)
    case 2: call.connection.session.submitGoAway(.noError)
    case 3: call.connection.sendGoAway(last: 0)
    case 4: call.connection.close()
    case 5: call.answerOnlyTrailers([("grpc-status", "14")])
    case 6: call.begin(contentType: "text/html")
    case 7:
      call.begin()
      call.write([0, 0, 0])
      call.end([("grpc-status", "0")])
    case 8: break  // No answer at all.
    case 9: call.connection.sendRaw([UInt8](repeating: 0xFF, count: 100))
    default: call.answer("hello")
    }
  }

  @Test("Every call ends exactly once, and nothing is left behind", arguments: [1, 2, 3])
  func soak(seed: UInt64) async throws {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 7
    let server = try await ScriptedServer.start(settings: settings) { call in
      var random = (UInt64(call.number) &+ seed &* 1000) &* 0x9E37_79B9_7F4A_7C15
      random ^= random >> 29
      Self.misbehave(call, random >> 8)
    }
    var configuration = ChannelHarness.configuration
    configuration.connections = 3
    configuration.backoff = BackoffPolicy(initial: .milliseconds(1), maximum: .milliseconds(5))
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let ended = NIOLockedValueBox<[Int: Int]>([:])
    let count = 1000
    let all = harness.channel.eventLoop.makePromise(of: Void.self)
    for index in 0..<count {
      let call = harness.channel.unary(
        path: "/a/b", message: ByteBuffer(string: "message"),
        deadline: .now() + .milliseconds(Int64(200 + index % 300)), waitForReady: index % 2 == 0
      ) { result in
        #expect(result.status.isOK == (result.message != nil))
        #expect((result.origin == .peer) == (result.localReason == nil))
        if result.status.isOK { #expect(result.text == "hello") }
        let isLast = ended.withLockedValue {
          $0[index, default: 0] += 1
          return $0.count == count
        }
        if isLast { all.succeed() }
      }
      if index % 10 == 3 { call.cancel() }
    }
    try await all.futureResult.get()
    #expect(ended.withLockedValue { $0.values.allSatisfy { $0 == 1 } })
    let left = try await harness.onLoop { ($0.state.openCalls, $0.state.calls.count) }
    #expect(left == (0, 0))
    try await harness.channel.close().get()
    await server.stop()
  }

  @Test("A closed channel leaves no object behind")
  func noLeak() async throws {
    let server = try await ScriptedServer.start()
    weak var pool: ConnectionPool?
    do {
      let harness = try ChannelHarness(to: server.address)
      pool = harness.channel.pool
      let result = try await harness.call()
      #expect(result.text == "hello")
      try await harness.channel.close().get()
      // Whatever the loop still had to do comes before this.
      try await harness.channel.eventLoop.submit {}.get()
    }
    #expect(pool == nil)
    await server.stop()
  }
}
