import NIOCore
import Testing

@testable import GRPC

@Suite("The memory of answers")
struct AnswerBudgetTests {
  @Test("is granted in the order of asking, as far as it reaches")
  func order() {
    var budget = AnswerBudget<Int>(limit: 100)
    let first = [budget.ask(60, for: 1), budget.ask(40, for: 2)]
    let second = [budget.ask(30, for: 3), budget.ask(1, for: 4), budget.ask(70, for: 5)]
    #expect(first == [nil, nil] && !second.contains(nil))
    // 4 would fit, but 3 came before.
    let lucky = [budget.release(40), budget.release(60), budget.release(1)]
    #expect(lucky == [[3, 4], [], [5]] && budget.granted == 100)
  }

  @Test("is granted to one at a time if it is more than there is")
  func oneAtATime() {
    var budget = AnswerBudget<Int>(limit: 10)
    let tickets = [budget.ask(50, for: 1), budget.ask(60, for: 2), budget.ask(1, for: 3)]
    #expect(tickets[0] == nil && tickets[1] != nil && tickets[2] != nil)
    let lucky = [budget.release(50), budget.release(60)]
    #expect(lucky == [[2], [3]])
  }

  @Test("goes to the next when one waits no more")
  func forget() {
    var budget = AnswerBudget<Int>(limit: 10)
    _ = budget.ask(9, for: 1)
    let second = budget.ask(5, for: 2)
    _ = budget.ask(1, for: 3)
    let lucky = second.map { budget.forget($0) }
    #expect(lucky == [3])
    #expect(budget.granted == 10)
  }

  @Test("that small answers take without asking has a limit, too")
  func counted() {
    var budget = AnswerBudget<Int>(limit: 10)
    let results = [budget.count(10), budget.count(1), budget.count(-11), budget.count(10)]
    #expect(results == [true, false, true, true])
  }

  /// A channel whose answers fit into its memory one by one at most.
  private static func harness(_ server: ScriptedServer, bytes: Int) throws -> ChannelHarness {
    var configuration = ChannelHarness.configuration
    configuration.maximumResponseBytes = bytes
    return try ChannelHarness(to: server.address, configuration: configuration)
  }

  @Test("Large answers that do not fit together come one by one", arguments: [false, true])
  func largeAnswers(isCompressed: Bool) async throws {
    let server = try await ScriptedServer.start { call in
      let message = ByteBuffer(repeating: UInt8(ascii: "m"), count: 1 << 20)
      call.begin(isCompressed ? [("grpc-encoding", "gzip")] : [])
      let bytes = isCompressed ? Gzip.deflate(message) ?? message : message
      call.write(ScriptedCall.frame(Array(buffer: bytes), flag: isCompressed ? 1 : 0))
      call.end([("grpc-status", "0")])
    }
    let harness = try Self.harness(server, bytes: 1_500_000)
    let calls = (0..<10).map { _ in harness.start() }
    for call in calls {
      #expect(try await call.result.get().message?.readableBytes == 1 << 20)
    }
    try await harness.stop(server)
  }

  @Test("An answer that stands still holds up only large ones, and only until it is given up")
  func stalledAnswer() async throws {
    let server = try await ScriptedServer.start { call in
      let large = ScriptedCall.frame([UInt8](repeating: 1, count: 1 << 20))
      switch call.number {
      case 1:
        call.begin()
        call.write(Array(large.prefix(1_000)))
      case 2:
        call.begin()
        call.write(large)
        call.end([("grpc-status", "0")])
      default:
        call.answer("small")
      }
    }
    let harness = try Self.harness(server, bytes: 1 << 20)
    let stalled = harness.start()
    let large = harness.start()
    #expect(try await harness.call().text == "small")
    stalled.call.cancel()
    #expect(try await large.result.get().message?.readableBytes == 1 << 20)
    try await harness.stop(server)
  }

  @Test("Beginnings of answers beyond the memory are given up, as seen")
  func tooManyBeginnings() async throws {
    let server = try await ScriptedServer.start { call in
      call.begin()
      call.write(Array(ScriptedCall.frame([UInt8](repeating: 1, count: 32_000)).prefix(30_000)))
    }
    // Less than one window: otherwise the channel sends no more calls than there is memory for.
    let harness = try Self.harness(server, bytes: 20_000)
    let result = try await harness.call()
    #expect(result.localReason == .overloaded && result.seen && result.origin == .local)
    try await harness.stop(server)
  }

  @Test("No more calls are sent than there is memory for whatever their answers begin with")
  func callsBeyondMemory() async throws {
    let server = try await ScriptedServer.start { call in
      if call.number > 4 { return call.answer("last") }
      call.begin()
      call.write(Array(ScriptedCall.frame([UInt8](repeating: 1, count: 32_000)).prefix(30_000)))
    }
    var configuration = ChannelHarness.configuration
    configuration.maximumResponseBytes = 4 * configuration.streamWindowSize
    configuration.connections = 3
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let calls = (0..<4).map { _ in harness.start() }
    let late = (0..<20).map { _ in harness.start() }
    try await eventually { server.events.requests == 4 }
    #expect(try await harness.onLoop { $0.state.calls.count } == 20)
    // One place is enough for all of them, one after the other.
    calls[0].call.cancel()
    for call in late { #expect(try await call.result.get().text == "last") }
    for call in calls[1...] { call.call.cancel() }
    for call in calls { #expect(try await call.result.get().localReason == .cancelled) }
    try await harness.stop(server)
  }
}
