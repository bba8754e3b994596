import HTTP2
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// An HTTP/2 server on a loopback socket whose every answer a test decides.
///
/// The script is called for each request when all of it has arrived, on the server's loop.
final class ScriptedServer: Sendable {
  typealias Script = @Sendable (ScriptedCall) -> Void

  /// What happened, for tests to look at.
  struct Log: Sendable {
    var connections = 0
    var requests = 0
    /// The most streams that were open at once on one connection.
    var maximumOpenStreams = 0
    var pingAcknowledgements = 0
    var resets: [ErrorCode] = []
  }

  /// The loops of these tests alone: some keep them busy, which must not disturb others.
  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  let address: SocketAddress
  private let channel: any Channel
  private let log: NIOLockedValueBox<Log>
  private let children: NIOLockedValueBox<[any Channel]>

  private init(
    channel: any Channel, log: NIOLockedValueBox<Log>,
    children: NIOLockedValueBox<[any Channel]>
  ) throws {
    self.channel = channel
    self.log = log
    self.children = children
    address = try channel.localAddress ?? SocketAddress(ipAddress: "127.0.0.1", port: 1)
  }

  var events: Log { log.withLockedValue { $0 } }
  var loop: any EventLoop { channel.eventLoop }
  var port: Int { address.port ?? 0 }

  /// Starts to listen.
  static func start(
    at address: SocketAddress? = nil, settings: SessionSettings = SessionSettings(),
    script: @escaping Script = { $0.answer("hello") },
    onConnect: @escaping @Sendable (ScriptedConnection) -> Void = { _ in }
  ) async throws -> ScriptedServer {
    let log = NIOLockedValueBox(Log())
    let children = NIOLockedValueBox<[any Channel]>([])
    let loop = group.next()
    let channel = try await ServerBootstrap(group: loop, childGroup: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        children.withLockedValue { $0.append(channel) }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ScriptedConnection(
              channel: channel, settings: settings, log: log, onConnect: onConnect, script: script))
        }
      }
      .bind(to: address ?? SocketAddress(ipAddress: "127.0.0.1", port: 0)).get()
    return try ScriptedServer(channel: channel, log: log, children: children)
  }

  /// Closes the listening socket and every connection.
  func stop() async {
    try? await channel.close().get()
    for child in children.withLockedValue({ $0 }) { try? await child.close().get() }
  }
}

/// One connection of a scripted server. Confined to its loop.
final class ScriptedConnection: ChannelInboundHandler, SessionDelegate {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let channel: any Channel
  /// From 1 on, in the order of acceptance.
  let number: Int
  let session: Session
  let log: NIOLockedValueBox<ScriptedServer.Log>
  private let onConnect: @Sendable (ScriptedConnection) -> Void
  private let script: ScriptedServer.Script
  private var isClosed = false

  init(
    channel: any Channel, settings: SessionSettings, log: NIOLockedValueBox<ScriptedServer.Log>,
    onConnect: @escaping @Sendable (ScriptedConnection) -> Void,
    script: @escaping ScriptedServer.Script
  ) throws {
    self.channel = channel
    self.log = log
    self.onConnect = onConnect
    self.script = script
    number = log.withLockedValue {
      $0.connections += 1
      return $0.connections
    }
    session = try Session(
      role: .server, settings: settings, now: NIODeadline.now().uptimeNanoseconds)
    session.delegate = self
  }

  /// Sends what waits in the session, then closes.
  func close() {
    flush()
    channel.close(promise: nil)
  }

  /// Sends bytes past the session, after what waits in it.
  func sendRaw(_ bytes: [UInt8]) {
    flush()
    channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
  }

  /// One frame, in bytes.
  static func frame(
    type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8]
  ) -> [UInt8] {
    var frame = ByteBuffer()
    frame.writeInteger(UInt8(payload.count >> 16))
    frame.writeInteger(UInt16(payload.count & 0xFFFF))
    frame.writeBytes([type, flags])
    frame.writeInteger(stream)
    frame.writeBytes(payload)
    return Array(buffer: frame)
  }

  /// Sends GOAWAY with any last stream, then goes on.
  func sendGoAway(last: UInt8, code: UInt8 = 0, _ debug: String = "") {
    sendRaw(Self.frame(type: 7, [0, 0, 0, last, 0, 0, 0, code] + Array(debug.utf8)))
  }

  func flush() {
    guard !isClosed else { return }
    var output = ByteBuffer()
    session.takeOutput(now: NIODeadline.now().uptimeNanoseconds) { bytes in
      bytes.withUnsafeBytes { _ = output.writeBytes($0) }
    }
    if output.readableBytes > 0 { channel.writeAndFlush(output, promise: nil) }
  }

  func channelActive(context: ChannelHandlerContext) {
    onConnect(self)
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    do throws(HTTP2Error) {
      try bytes.withUnsafeReadableBytes { buffer throws(HTTP2Error) in
        try session.receive(buffer.bytes, now: NIODeadline.now().uptimeNanoseconds)
      }
    } catch {
      close()
    }
    flush()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    session.connectionClosed(.cancel)
  }

  func session(_ session: Session, didOpen stream: HTTP2Stream, headers: HeaderList) {
    log.withLockedValue {
      $0.maximumOpenStreams = max($0.maximumOpenStreams, session.openStreamCount)
    }
    stream.delegate = ScriptedCall(connection: self, stream: stream, headers: headers)
  }

  func session(_ session: Session, didReceivePingAcknowledgement payload: UInt64) {
    log.withLockedValue { $0.pingAcknowledgements += 1 }
  }

  func run(_ call: ScriptedCall) {
    call.number = log.withLockedValue {
      $0.requests += 1
      return $0.requests
    }
    // Not within the session, so that a script may send what it likes.
    channel.eventLoop.assumeIsolated().execute {
      self.script(call)
      self.flush()
    }
  }
}

/// One request at a scripted server, and the means to answer it. Confined to the loop.
final class ScriptedCall: StreamDelegate {
  let connection: ScriptedConnection
  let stream: HTTP2Stream
  let headers: HeaderList
  /// Among all requests of the server, from 1 on.
  var number = 0
  private(set) var body = ByteBuffer()
  private var output = ByteBuffer()
  private var trailerFields: HeaderList?

  init(connection: ScriptedConnection, stream: HTTP2Stream, headers: HeaderList) {
    self.connection = connection
    self.stream = stream
    self.headers = headers
  }

  static func fields(_ fields: [(String, String)]) -> HeaderList {
    var list = HeaderList()
    for (name, value) in fields { list.append(name, value) }
    return list
  }

  static func frame(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    var frame = ByteBuffer(bytes: [flag])
    frame.writeInteger(UInt32(message.count))
    frame.writeBytes(message)
    return Array(buffer: frame)
  }

  /// Answers with one message and a status.
  func answer(_ message: String, status: Int = 0) {
    begin()
    write(Self.frame(Array(message.utf8)))
    end([("grpc-status", String(status))])
  }

  /// Sends the header fields.
  func begin(_ fields: [(String, String)] = [], contentType: String = "application/grpc") {
    let all = [(":status", "200"), ("content-type", contentType)] + fields
    stream.submitResponse(Self.fields(all), hasBody: true)
  }

  /// Sends header fields that end the stream.
  func answerOnlyTrailers(_ fields: [(String, String)]) {
    let all = [(":status", "200"), ("content-type", "application/grpc")] + fields
    stream.submitResponse(Self.fields(all), hasBody: false)
  }

  func write(_ bytes: [UInt8]) {
    output.writeBytes(bytes)
    stream.resumeBody()
    connection.flush()
  }

  /// Sends the trailer fields after what was written.
  func end(_ fields: [(String, String)]) {
    trailerFields = Self.fields(fields)
    stream.resumeBody()
    connection.flush()
  }

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {}

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    stream.consume(data.byteCount)
    data.withUnsafeBytes { _ = body.writeBytes($0) }
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    connection.run(self)
  }

  func stream(_ stream: HTTP2Stream, readBodyInto writer: inout BodyWriter) -> BodyProgress {
    let count = output.withUnsafeReadableBytes { writer.write($0.bytes) }
    output.moveReaderIndex(forwardBy: count)
    guard output.readableBytes == 0, let trailerFields else { return .open }
    stream.submitTrailers(trailerFields)
    return .trailers
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    if code != .noError { connection.log.withLockedValue { $0.resets.append(code) } }
  }
}
