import HTTP2
import Logging
import NIOCore
import NIOEmbedded
import Synchronization

@testable import GRPC

extension FuzzTarget {
  /// A client's bytes into a connection of the server, with handlers of every kind behind it.
  static let serverConnection = FuzzTarget(
    name: "grpc-server", maximumBytes: 4_096, seeds: { ConnectionCheck.seeds },
    check: .atOnce { try ConnectionCheck($0).run() })
}

/// Two bytes say how time passes and how the bytes are cut; the rest follows the client's preface.
private struct ConnectionCheck {
  private let habits: UInt8
  private let pieces: [ArraySlice<UInt8>]
  private let received: Int

  init(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    habits = input.byte()
    pieces = input.pieces(by: input.byte() | 1)
    received = input.rest.count
  }

  func run() throws {
    let service = FuzzService()
    let counters = ServerCounters()
    let channel = EmbeddedChannel()
    let server = try ServerConnection(
      eventLoop: channel.eventLoop, router: service.router, configuration: configuration,
      counters: counters, inflating: InflateScheduler(eventLoop: channel.eventLoop),
      peer: PeerIdentity(name: "fuzz"),
      logger: Logger(label: "fuzz") { _ in
        SwiftLogNoOpLogHandler()
      }, jitter: 0)
    try server.start(on: channel)
    try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    let start = NIODeadline.now()
    send(WireBytes.clientPreface + WireBytes.settings, to: channel)
    for (index, piece) in pieces.enumerated() where channel.isActive {
      send(Array(piece), to: channel)
      if habits & 1 != 0 {
        server.driver.timeCame(now: start + .seconds(Int64(index)))
      }
      channel.embeddedEventLoop.advanceTime(by: .milliseconds(2))
      try checkBounds(server, counters)
    }
    let sent = try outputSize(of: channel)
    let answers = service.answered.withLock { $0 }
    let most = 32_768 + 64 * received + answers
    try demand(sent <= most, "\(received) bytes were answered by \(sent)")
    if habits & 2 != 0 { service.answerHeld() }
    if habits & 4 != 0 {
      server.driver.timeCame(now: start + .hours(1))
      channel.embeddedEventLoop.advanceTime(by: .seconds(1))
    }
    if channel.isActive { channel.close(promise: nil) }
    service.letGo()
    channel.embeddedEventLoop.advanceTime(by: .seconds(1))
    try checkEnd(server, counters)
    _ = try? channel.finish(acceptAlreadyClosed: true)
  }

  /// Small limits, so that inputs reach them.
  private var configuration: ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 4_096
    configuration.compressResponses = habits & 8 != 0
    configuration.http2.maxConcurrentStreams = 8
    configuration.maxBufferedRequestBytes = 16_384
    configuration.maxRequestBytes = 32_768
    configuration.maxBufferedResponseBytes = 4_096
    configuration.maxBufferedResponseBytesPerConnection = 8_192
    configuration.maxUnreadBytesPerConnection = 65_536
    configuration.maxUnreadBytes = 65_536
    return configuration
  }

  /// What is wrong with the bytes ends the connection, and is no error of its pipeline's.
  private func send(_ bytes: [UInt8], to channel: EmbeddedChannel) {
    _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
  }

  private func outputSize(of channel: EmbeddedChannel) throws -> Int {
    var size = 0
    while let part = try channel.readOutbound(as: ByteBuffer.self) { size += part.readableBytes }
    return size
  }

  private func checkBounds(_ server: ServerConnection, _ counters: ServerCounters) throws {
    let requests = counters.requestBytes.load(ordering: .relaxed)
    try demand(requests <= configuration.maxRequestBytes, "\(requests) bytes of requests are held")
    try demand(
      server.bufferedRequestBytes <= configuration.maxBufferedRequestBytes,
      "\(server.bufferedRequestBytes) bytes of requests wait for their rest")
    let unread = counters.responseBytes.load(ordering: .relaxed)
    try demand(unread <= configuration.maxUnreadBytes, "\(unread) bytes of answers wait")
    try demand(
      server.runningCalls.count <= Int(configuration.http2.maxConcurrentStreams),
      "\(server.runningCalls.count) calls run")
  }

  /// When the client is gone and the handlers have let go, nothing is counted any more.
  private func checkEnd(_ server: ServerConnection, _ counters: ServerCounters) throws {
    try demand(server.session.openStreamCount == 0, "streams are left")
    try demand(server.runningCalls.count == 0, "\(server.runningCalls.count) calls are left")
    try demand(server.bufferedRequestBytes == 0, "unfinished requests are left")
    try demand(server.heldRequestBytes == 0, "requests are left")
    let requests = counters.requestBytes.load(ordering: .relaxed)
    try demand(requests == 0, "\(requests) bytes of requests are left")
    let unread = counters.responseBytes.load(ordering: .relaxed)
    try demand(unread == 0, "\(unread) bytes of answers are left")
  }

  static var seeds: [[UInt8]] {
    func call(_ method: String, _ others: [(String, String)] = []) -> [UInt8] {
      WireBytes.call("/f/\(method)", others)
    }
    let body = WireBytes.message([1, 2, 3])
    let gzip = WireBytes.message(FramingSeeds.gzip, isCompressed: true)
    let window = WireBytes.windowUpdate(0, 100_000) + WireBytes.windowUpdate(1, 100_000)
    return [
      [0, 9] + WireBytes.headers(1, call("Echo", [("grpc-timeout", "5S")]))
        + WireBytes.data(1, end: true, body) + WireBytes.settingsAcknowledgement,
      [2, 9] + WireBytes.headers(1, call("Hold")) + WireBytes.data(1, end: true, body)
        + WireBytes.headers(3, call("Hold")) + WireBytes.data(3, end: true, body)
        + WireBytes.reset(1, 8),
      [8, 9] + WireBytes.headers(1, call("Large", [("grpc-accept-encoding", "gzip")]))
        + WireBytes.data(1, end: true, body) + window,
      [0, 9] + WireBytes.headers(1, call("Chat", [("grpc-encoding", "gzip")]))
        + WireBytes.data(1, gzip + body) + WireBytes.data(1, end: true, gzip),
      [0, 9] + WireBytes.headers(1, call("Flood")) + WireBytes.data(1, end: true, body) + window,
      [5, 9] + WireBytes.headers(1, call("Echo", [("grpc-timeout", "1m")]))
        + WireBytes.data(1, Array(body.dropLast())) + WireBytes.ping,
      [0, 9] + WireBytes.headers(1, end: true, call("None")) + WireBytes.ping,
      [0, 9] + WireBytes.headers(1, end: true, call("Chat", [("grpc-encoding", "snappy")])),
      [4, 1] + Array("GET / HTTP/1.1\r\n\r\n".utf8),
    ]
  }
}

/// Handlers of every kind.
private final class FuzzService: Sendable {
  /// Bytes of answers that were made.
  let answered = Mutex(0)
  private let held = Mutex<[UnaryResponder]>([])
  private let streams = Mutex<[StreamResponder]>([])

  var router: Router {
    var router = Router()
    router.unary("/f/Echo") { request, responder in
      self.count(request.message, request.metadata)
      responder.respond(request.message, headers: request.metadata, trailers: request.metadata)
    }
    router.unary("/f/Hold") { _, responder in self.held.withLock { $0.append(responder) } }
    router.unary("/f/Drop") { _, _ in }
    router.unary("/f/Large") { _, responder in
      guard responder.makeRoom(for: 20_000, again: {}) else { return }
      self.answered.withLock { $0 += 21_000 }
      responder.respond(ByteBuffer(repeating: 7, count: 20_000))
    }
    router.serverStreaming("/f/Flood") { _, responder in
      self.streams.withLock { $0.append(responder) }
      let send: @Sendable () -> Void = {
        let total = self.answered.withLock { $0 }
        guard total < 100_000 else { return responder.finish() }
        while responder.send(ByteBuffer(repeating: 1, count: 500)) {
          let total = self.answered.withLock { total in
            total += 600
            return total
          }
          if total >= 100_000 { return responder.finish() }
        }
      }
      responder.onWritable(send)
      send()
    }
    router.bidirectional("/f/Chat") { request, responder in
      StreamInput(
        message: { message in
          self.count(message, request.metadata)
          responder.send(message)
        }, end: { responder.finish() })
    }
    return router
  }

  private func count(_ message: ByteBuffer, _ metadata: Metadata) {
    answered.withLock { $0 += message.readableBytes + 2 * metadata.headerListSize + 1_024 }
  }

  func answerHeld() {
    for responder in held.withLock({ $0 }) { responder.respond(ByteBuffer(string: "late")) }
  }

  func letGo() {
    held.withLock { $0 = [] }
    streams.withLock { $0 = [] }
  }
}
