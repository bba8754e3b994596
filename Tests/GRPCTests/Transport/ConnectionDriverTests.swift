import HTTP2
import NIOCore
import NIOEmbedded
import Testing

@testable import GRPC

/// What each side is told, and what the socket sees of it.
private protocol Recording: ConnectionSide {
  var reads: Int { get set }
  var standstills: [Bool] { get set }
  var closings: Int { get set }
  var slowFrames: Int { get set }
  /// What is done when the socket has what was submitted.
  var afterWrite: (() -> Void)? { get set }
  init()
}

extension Recording {
  static var writeSize: Int { 1 << 16 }
  var nextTime: NIODeadline? { nil }
  var unfinishedFrameTimeout: TimeAmount? { .seconds(60) }
  func frameTookTooLong() { slowFrames += 1 }
  func timeCame(now: NIODeadline) {}
  func received(now: NIODeadline) {}
  func endedRead() { reads += 1 }
  func wrote() {
    let body = afterWrite
    afterWrite = nil
    body?()
  }
  func standstillChanged(_ standsStill: Bool, now: NIODeadline) { standstills.append(standsStill) }
  func sessionFailed(_ error: HTTP2Error, after bytes: ByteBuffer) {}
  func socketFailed(_ error: any Error) {}
  func socketClosed() { closings += 1 }
}

/// Waits for the peer's bytes, and for the peer to take what there is for it.
private final class Patient: Recording {
  static var speaksFirst: Bool { false }
  static var readsWhileUnwritable: Bool { false }
  var reads = 0
  var standstills: [Bool] = []
  var closings = 0
  var slowFrames = 0
  var afterWrite: (() -> Void)?
}

/// Speaks first, and reads whatever the peer takes.
private final class Eager: Recording {
  static var speaksFirst: Bool { true }
  static var readsWhileUnwritable: Bool { true }
  var reads = 0
  var standstills: [Bool] = []
  var closings = 0
  var slowFrames = 0
  var afterWrite: (() -> Void)?
}

/// Counts the reads that reach the socket.
private final class Socket: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  var reads = 0

  func read(context: ChannelHandlerContext) {
    reads += 1
    context.read()
  }
}

@Suite("What both sides' connections have in common")
struct ConnectionDriverTests {
  private struct Connection<Side: Recording> {
    let channel = EmbeddedChannel()
    let socket = Socket()
    let side = Side()
    let driver: ConnectionDriver<Side>

    init(
      _ role: Session.Role = .server, settings: SessionSettings = SessionSettings()
    ) throws {
      driver = try ConnectionDriver(
        role: role, settings: settings, on: channel.eventLoop, now: .now())
      try channel.pipeline.syncOperations.addHandler(socket)
      try driver.start(side, on: channel)
      try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// How many writes came to the socket since the last time.
    func writes() throws -> Int {
      var count = 0
      while try channel.readOutbound(as: ByteBuffer.self) != nil { count += 1 }
      return count
    }
  }

  @Test("Only a side that speaks first sends before the peer did")
  func greeting() throws {
    #expect(try Connection<Eager>(.client).writes() == 1)
    #expect(try Connection<Patient>().writes() == 0)
  }

  @Test("All that one read and one turn of the loop bring leaves in one write each")
  func oneWrite() throws {
    let connection = try Connection<Patient>()
    try connection.channel.writeInbound(ByteBuffer(bytes: RawFrames.preface))
    #expect(try connection.writes() == 1)
    #expect(connection.side.reads == 1)
    for payload in 1...3 {
      connection.driver.session.submitPing(payload: UInt64(payload))
      connection.driver.setNeedsFlush()
    }
    #expect(try connection.writes() == 0)
    connection.channel.embeddedEventLoop.run()
    #expect(try connection.writes() == 1)
  }

  @Test("What is submitted once the socket has everything follows at once")
  func follows() throws {
    let connection = try Connection<Patient>()
    let driver = connection.driver
    connection.side.afterWrite = {
      driver.session.submitPing(payload: 7)
      driver.setNeedsFlush()
    }
    try connection.channel.writeInbound(ByteBuffer(bytes: RawFrames.preface))
    #expect(try connection.writes() == 2)
  }

  @Test("A peer that takes nothing is not read by the side that waits for it, until it takes")
  func pause() throws {
    let connection = try Connection<Patient>()
    connection.channel.isWritable = false
    connection.channel.pipeline.fireChannelWritabilityChanged()
    let before = connection.socket.reads
    connection.channel.read()
    #expect(connection.driver.pauses.isPaused && connection.socket.reads == before)
    connection.channel.isWritable = true
    connection.channel.pipeline.fireChannelWritabilityChanged()
    #expect(!connection.driver.pauses.isPaused && connection.socket.reads == before + 1)
    #expect(connection.side.standstills.first == true && connection.side.standstills.last == false)
  }

  @Test("A peer that has had more than its share is not read until its turn comes")
  func turn() async throws {
    var settings = SessionSettings()
    settings.floods.excusedResets = Rate(burst: 0, perSecond: 0.001)
    let connection = try Connection<Patient>(settings: settings)
    let driver = connection.driver
    try connection.channel.writeInbound(
      ByteBuffer(bytes: RawFrames.preface + RawFrames.headers(1, "/a")))
    let before = connection.socket.reads
    driver.session.stream(1)?.reset(.refusedStream)
    driver.flushNow()
    connection.channel.read()
    #expect(driver.pauses.isPaused && connection.socket.reads == before)
    let turn = try #require(driver.nextTime)
    #expect(turn > .now() + .seconds(900))
    driver.timeCame(now: turn - .seconds(1))
    connection.channel.embeddedEventLoop.run()
    #expect(driver.pauses.isPaused && driver.nextTime == turn)
    #expect(connection.socket.reads == before)
  }

  @Test("Its turn comes by itself")
  func turnComes() async throws {
    var configuration = ServerConfiguration()
    configuration.http2.floods.excusedResets = Rate(burst: 1, perSecond: 100)
    try await TestService.serve(configuration) { _, address in
      let frames = (0..<50).flatMap { number in
        let stream = Int32(2 * number + 1)
        return RawFrames.headers(stream, "/test.Test/Hold", [("grpc-timeout", "1m")])
          + RawFrames.frame(type: 3, stream: stream, [0, 0, 0, 8])
      }
      var answered = false
      try await RawFrames.connect(to: address, first: frames) { frame in
        // SETTINGS of the server: all of the above was read, or waits its turn.
        if frame.type == 4, frame.flags == 0 {
          return (RawFrames.call(201, "/test.Test/Echo"), true)
        }
        answered = frame.stream == 201 && frame.flags & 1 != 0
        return ([], !answered)
      }
      #expect(answered)
    }
  }

  @Test("The other side reads on")
  func readsOn() throws {
    let connection = try Connection<Eager>(.client)
    connection.channel.isWritable = false
    connection.channel.pipeline.fireChannelWritabilityChanged()
    let before = connection.socket.reads
    connection.channel.read()
    #expect(!connection.driver.pauses.isPaused && connection.socket.reads == before + 1)
    #expect(connection.side.standstills == [true])
  }

  @Test("What waits is sent before the end, and the side is told of that once, and then let go")
  func end() throws {
    weak var side: Patient?
    do {
      let connection = try Connection<Patient>()
      side = connection.side
      try connection.channel.writeInbound(ByteBuffer(bytes: RawFrames.preface))
      _ = try connection.writes()
      connection.driver.session.submitPing(payload: 1)
      connection.driver.closeAfterFlush()
      connection.driver.flushNow()
      #expect(try connection.writes() == 1)
      #expect(connection.driver.isGone && !connection.channel.isActive)
      connection.channel.embeddedEventLoop.run()
      #expect(connection.side.closings == 1)
    }
    #expect(side == nil)
  }
}
