import HTTP2
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import GRPC

/// How connections are made, lost and replaced.
@Suite(.timeLimit(.minutes(1))) struct ChannelConnectionTests {
  @Test("Without a server a call fails fast and unseen, and one that waits is served later")
  func unreachable() async throws {
    let address = try await unusedAddress()
    let harness = try ChannelHarness(to: address)
    let failed = try await harness.call()
    #expect(failed.status.code == .unavailable)
    #expect(failed.localReason == .unreachable && !failed.seen)
    #expect(failed.status.message.contains("Connection refused"))
    #expect(harness.channel.connectivity == .transientFailure)
    let waiting = harness.start(waitForReady: true).result
    let server = try await ScriptedServer.start(at: address)
    try await harness.ready()
    let served = try await waiting.get()
    #expect(served.text == "hello")
    #expect(harness.channel.connectivity == .ready)
    try await harness.stop(server)
  }

  @Test("A socket that TCP connected to itself is told from a server's")
  func connectedToItself() async throws {
    let address = try await unusedAddress()
    let loop = ScriptedServer.group.next()
    let own = try await ClientBootstrap(group: loop).bind(to: address).connect(to: address).get()
    #expect(own.isConnectedToItself)
    try await own.close()
    let server = try await ScriptedServer.start()
    let real = try await ClientBootstrap(group: loop).connect(to: server.address).get()
    #expect(!real.isConnectedToItself)
    try await real.close()
    await server.stop()
  }

  @Test("A peer that accepts and says nothing is given up after the connect timeout")
  func connectTimeout() async throws {
    let listener = try await rawServer { _ in }
    var configuration = ChannelHarness.configuration
    configuration.connectTimeout = .milliseconds(50)
    let harness = try ChannelHarness(
      to: try #require(listener.localAddress), configuration: configuration)
    let result = try await harness.call()
    #expect(result.localReason == .unreachable && !result.seen)
    #expect(result.status.message.contains("no HTTP/2 connection within 50 ms"))
    try await harness.stop()
    try await listener.close()
  }

  @Test("A peer that speaks no HTTP/2 is unreachable, not a processor's failure")
  func notHTTP2() async throws {
    let listener = try await rawServer { channel in
      channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"), promise: nil)
    }
    let harness = try ChannelHarness(to: try #require(listener.localAddress))
    let result = try await harness.call()
    #expect(result.status.code == .unavailable)
    #expect(result.localReason == .unreachable && !result.seen)
    try await harness.stop()
    try await listener.close()
  }

  @Test("A connection whose peer does not end a frame is given up and replaced")
  func unfinishedFrame() async throws {
    let server = try await ScriptedServer.start { call in
      guard call.connection.number == 1 else { return call.answer("hello") }
      let block = ScriptedConnection.frame(type: 1, stream: 1, [0x88])
      call.connection.sendRaw(block)
    }
    var configuration = ChannelHarness.configuration
    configuration.unfinishedFrameTimeout = .milliseconds(50)
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let lost = try await harness.call()
    #expect(lost.status.code == .unavailable && lost.localReason == .connectionLost && lost.seen)
    #expect(lost.status.message.contains("did not end a frame"))
    #expect(try await harness.call().text == "hello")
    try await harness.stop(server)
  }

  @Test("A connection that breaks during a call loses it, seen, and is replaced")
  func connectionLost() async throws {
    let server = try await ScriptedServer.start { call in
      if call.number == 2 { call.connection.close() } else { call.answer("hello") }
    }
    let harness = try ChannelHarness(to: server.address)
    _ = try await harness.call()
    let lost = try await harness.call()
    #expect(lost.status.code == .unavailable)
    #expect(lost.origin == .local && lost.localReason == .connectionLost && lost.seen)
    let next = try await harness.call()
    #expect(next.text == "hello")
    #expect(server.events.connections == 2)
    try await harness.stop(server)
  }

  @Test("A call that GOAWAY declares unseen is sent again, unnoticed by the caller")
  func unseenByGoAway() async throws {
    let server = try await ScriptedServer.start { call in
      if call.connection.number == 1 {
        call.connection.sendGoAway(last: 0)
      } else {
        call.answer("again")
      }
    }
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call()
    #expect(result.text == "again")
    #expect(server.events.requests == 2)
    try await harness.stop(server)
  }

  @Test("A refused call is sent again once; a second refusal is told, unseen")
  func refused() async throws {
    let server = try await ScriptedServer.start { call in
      if call.number == 2 { call.answer("again") } else { call.stream.reset(.refusedStream) }
    }
    let harness = try ChannelHarness(to: server.address)
    let first = try await harness.call()
    #expect(first.text == "again")
    let second = try await harness.call()
    #expect(second.status.code == .unavailable)
    #expect(second.localReason == .reset(7) && !second.seen)
    #expect(server.events.requests == 4)
    try await harness.stop(server)
  }

  @Test("A call that waits for readiness is sent again until the peer takes it")
  func refusedWhileWaiting() async throws {
    let server = try await ScriptedServer.start { call in
      if call.number > 4 { call.answer("taken") } else { call.stream.reset(.refusedStream) }
    }
    let harness = try ChannelHarness(to: server.address)
    let result = try await harness.call(waitForReady: true)
    #expect(result.text == "taken")
    #expect(server.events.requests == 5)
    try await harness.stop(server)
  }

  @Test("A call that is refused again and again ends at its deadline, or with its channel")
  func refusedForEver() async throws {
    let server = try await ScriptedServer.start { call in call.stream.reset(.refusedStream) }
    let harness = try ChannelHarness(to: server.address)
    let late = try await harness.call(within: .milliseconds(150), waitForReady: true)
    // The end may come while an attempt is under way.
    #expect([.unreachable, .deadline].contains(late.localReason))
    let closed = harness.start(waitForReady: true).result
    let end = harness.channel.eventLoop.makePromise(of: Void.self)
    try await eventually {
      try await harness.onLoop { pool in
        // The first call, which ended while it paused, may be there still.
        guard pool.state.calls.pausing.contains(where: { !$0.isFinished }) else { return false }
        pool.closeNow(end)
        return true
      }
    }
    #expect(try await closed.get().localReason == .channelClosed)
    try await end.futureResult.get()
    try await harness.stop(server)
  }

  @Test("A call that waits for a peer in vain is told why before its deadline")
  func waitingInVain() async throws {
    let harness = try ChannelHarness(to: try await unusedAddress())
    let (_, result) = harness.start(within: .milliseconds(500), waitForReady: true)
    let told = try await result.get()
    #expect(told.status.code == .unavailable)
    #expect(told.localReason == .unreachable && !told.seen)
    #expect(told.status.message.contains("Connection refused"))
    try await harness.stop()
  }

  @Test("A peer that answers no keepalive PING loses its calls")
  func keepalive() async throws {
    let server = try await ScriptedServer.start { call in
      call.connection.channel.setOption(.autoRead, value: false).whenComplete { _ in }
    }
    var configuration = ChannelHarness.configuration
    configuration.keepalive = KeepalivePolicy(
      interval: .milliseconds(20), timeout: .milliseconds(50))
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let result = try await harness.call()
    #expect(result.status.code == .unavailable)
    #expect(result.localReason == .connectionLost && result.seen)
    #expect(result.status.message.contains("keepalive"))
    try await harness.stop(server)
  }

  @Test("A peer that complains of too many PINGs gets half as many")
  func tooManyPings() async throws {
    let server = try await ScriptedServer.start { call in
      call.answer("hello")
      if call.connection.number == 1 {
        call.connection.sendGoAway(last: 1, code: 0xB, "too_many_pings")
      }
    }
    let harness = try ChannelHarness(to: server.address)
    for _ in 1...2 {
      let result = try await harness.call()
      #expect(result.text == "hello")
    }
    let before = ChannelHarness.configuration.keepalive.interval
    let after = try await harness.onLoop { $0.keepalive.interval }
    #expect(after?.nanoseconds == before.map { $0.nanoseconds * 2 })
    try await harness.stop(server)
  }

  @Test("Several connections share the calls, each within its limit of streams")
  func severalConnections() async throws {
    let server = try await ScriptedServer.start { call in
      call.answer("\(call.connection.number)")
    }
    var configuration = ChannelHarness.configuration
    configuration.connections = 3
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    var answers: Set<String?> = []
    // The second and third connection may need a moment more than the first.
    while answers.count < 3 { answers.insert(try await harness.call().text) }
    #expect(answers == ["1", "2", "3"])
    try await harness.stop(server)
  }

  @Test("More calls than may wait are refused, unseen")
  func boundedQueue() async throws {
    let listener = try await rawServer { _ in }
    var configuration = ChannelHarness.configuration
    configuration.maximumQueuedCalls = 2
    let harness = try ChannelHarness(
      to: try #require(listener.localAddress), configuration: configuration)
    let waiting = (0..<2).map { _ in harness.start().result }
    let refused = try await harness.call()
    #expect(refused.status.code == .resourceExhausted)
    #expect(refused.localReason == .queueFull && !refused.seen)
    try await harness.stop()
    for result in waiting {
      let ended = try await result.get()
      #expect(ended.localReason == .channelClosed && !ended.seen)
    }
    try await listener.close()
  }

  @Test("A connection that is idle is closed, and the next call makes another")
  func idle() async throws {
    let (closed, continuation) = AsyncStream<Void>.makeStream()
    let server = try await ScriptedServer.start(
      script: { $0.answer("\($0.connection.number)") },
      onConnect: { $0.channel.closeFuture.whenComplete { _ in continuation.yield() } })
    var configuration = ChannelHarness.configuration
    configuration.idleTimeout = .milliseconds(30)
    let harness = try ChannelHarness(to: server.address, configuration: configuration)
    let first = try await harness.call()
    for await _ in closed { break }
    // The server may see the end before the client's loop has said so.
    try await eventually { harness.channel.connectivity == .idle }
    let second = try await harness.call()
    #expect([first.text, second.text] == ["1", "2"])
    try await harness.stop(server)
  }

  @Test("Closing lets open calls end, and takes no others")
  func close() async throws {
    let (requests, continuation) = AsyncStream<@Sendable () -> Void>.makeStream()
    let server = try await ScriptedServer.start { call in
      let bound = NIOLoopBound(call, eventLoop: call.connection.channel.eventLoop)
      continuation.yield { bound.value.answer("late") }
    }
    let harness = try ChannelHarness(to: server.address)
    let open = harness.start().result
    for await answer in requests {
      let closed = harness.channel.close()
      let refused = try await harness.call()
      #expect(refused.localReason == .channelClosed && !refused.seen)
      try await server.loop.submit(answer).get()
      try await closed.get()
      break
    }
    let result = try await open.get()
    #expect(result.text == "late")
    #expect(harness.channel.connectivity == .shutdown)
    await server.stop()
  }

  @Test("Closing at once loses open calls")
  func closeNow() async throws {
    let (requests, continuation) = AsyncStream<Void>.makeStream()
    let server = try await ScriptedServer.start { _ in continuation.yield() }
    let harness = try ChannelHarness(to: server.address)
    let open = harness.start().result
    for await _ in requests { break }
    try await harness.channel.closeNow().get()
    let result = try await open.get()
    #expect(result.localReason == .connectionLost && result.seen)
    await server.stop()
  }

  @Test("A Unix domain socket is an endpoint like any other")
  func unixSocket() async throws {
    let path = "/tmp/grpc-channel-\(UInt64.random(in: 0 ... .max)).sock"
    let server = try await ScriptedServer.start(
      at: try SocketAddress(unixDomainSocketPath: path))
    let harness = ChannelHarness(
      to: try ChannelTarget("unix:\(path)"), resolver: SystemResolver())
    let result = try await harness.call()
    #expect(result.text == "hello")
    try await harness.stop(server)
  }
}

/// A server that speaks no HTTP/2: it does with a connection what the test says.
func rawServer(
  _ body: @escaping @Sendable (any Channel) -> Void
) async throws -> any Channel {
  let loop = ScriptedServer.group.next()
  return try await ServerBootstrap(group: loop, childGroup: loop)
    .childChannelInitializer { channel in
      channel.eventLoop.assumeIsolated().execute { body(channel) }
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    .bind(host: "127.0.0.1", port: 0).get()
}
