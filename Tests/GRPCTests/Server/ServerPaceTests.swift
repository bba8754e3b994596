import NIOCore
import NIOPosix
import Testing

@testable import GRPC

/// The client's frames are bytes, and time is what the tests say.
@Suite("Clients that take answers slowly")
struct ServerPaceTests {
  /// Two answers of 300,000 bytes, whose streams have room for all of them, and the connection not.
  private func twoAnswers() throws -> VirtualConnection {
    let connection = try VirtualConnection()
    try connection.send(
      RawFrames.initialWindow(1 << 20) + RawFrames.call(1, "/test.Test/Large")
        + RawFrames.call(3, "/test.Test/Large"))
    #expect(try connection.received().data == [1: 65_535])
    return connection
  }

  @Test("An answer that waits behind another one is not given up while that is taken")
  func turn() throws {
    let connection = try twoAnswers()
    for minute in 1...3 {
      try connection.send(RawFrames.windowUpdate(0, 60_000))
      #expect(try connection.received().data == [1: 60_000])
      connection.passes(Int64(minute) * 61)
      #expect(try connection.received().resets.isEmpty)
    }
    try connection.send(RawFrames.windowUpdate(0, 1 << 20))
    let rest = try connection.received()
    #expect(rest.data == [1: 300_005 - 65_535 - 180_000, 3: 300_005])
  }

  @Test("A client that neither reads nor sends is ended with everything", .timeLimit(.minutes(1)))
  func deafAndMute() async throws {
    var configuration = ServerConfiguration()
    configuration.stallTimeout = .milliseconds(300)
    let service = TestService()
    let server = GRPCServer(
      router: service.router, configuration: configuration,
      group: MultiThreadedEventLoopGroup.singleton)
    let address = try await server.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let client = try await RawClient.connect(to: address, window: 1 << 30)
    let hello = RawClient.frame(Array("hello".utf8))
    #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
    try await client.channel.setOption(.autoRead, value: false).get()
    _ = try await client.start("/test.Test/Echo", Array(hello.dropLast()), ends: false)
    // More than the sockets take; the end may come before the last of them.
    for _ in 0..<12 { _ = try? await client.start("/test.Test/Huge", hello) }
    try await eventually(within: .seconds(20)) { server.statistics.connections == 0 }
    let statistics = server.statistics
    #expect(statistics.requestBytes == 0 && statistics.unreadBytes == 0)
    await client.close()
    await server.stop(grace: .zero)
  }

  @Test("An answer that is taken byte by byte is given up, other calls are not disturbed")
  func trickle() throws {
    let connection = try VirtualConnection()
    try connection.send(RawFrames.initialWindow(1) + RawFrames.call(1, "/test.Test/Large"))
    #expect(try connection.received().data == [1: 1])
    for second in [10, 20, 30, 40, 50] {
      try connection.send(RawFrames.windowUpdate(1, 1))
      connection.passes(Int64(second))
      let received = try connection.received()
      #expect(received.data == [1: 1] && received.resets.isEmpty)
    }
    connection.passes(70)
    #expect(try connection.received().resets == [1] && connection.isOpen)
    try connection.send(
      RawFrames.call(3, "/test.Test/Echo") + RawFrames.windowUpdate(3, 100))
    #expect(try connection.received().data == [3: 5])
  }

  @Test("When nothing is taken, all are given up")
  func nothing() throws {
    let connection = try twoAnswers()
    connection.passes(61)
    #expect(try connection.received().resets.isEmpty)
    connection.passes(130)
    #expect(try connection.received().resets == [1, 3])
  }

  @Test("When a byte is taken now and then, each is given up after its turn")
  func byteByByte() throws {
    let connection = try twoAnswers()
    connection.passes(61)
    for second in stride(from: Int64(70), to: 130, by: 20) {
      try connection.send(RawFrames.windowUpdate(0, 1))
      connection.passes(second)
    }
    connection.passes(130)
    #expect(try connection.received().resets == [1])
    try connection.send(RawFrames.windowUpdate(0, 1))
    #expect(try connection.received().data == [3: 1])
    connection.passes(160)
    // Also an answer to the server's PING.
    try connection.send(RawFrames.windowUpdate(0, 1))
    connection.passes(195)
    #expect(try connection.received().resets == [3])
  }

  @Test("Who asks for many answers at once is asked for the pace of the longest")
  func manyAnswers() throws {
    let connection = try VirtualConnection()
    let calls = stride(from: Int32(1), to: 61, by: 2)
      .flatMap { RawFrames.call($0, "/test.Test/Large") }
    try connection.send(RawFrames.initialWindow(1 << 20) + calls)
    #expect(try connection.received().data == [1: 65_535])
    for minute in 1...5 {
      try connection.send(RawFrames.windowUpdate(0, 20_000))
      #expect(try connection.received().data == [1: 20_000])
      connection.passes(Int64(minute) * 61)
      #expect(try connection.received().resets.isEmpty)
    }
  }
}
