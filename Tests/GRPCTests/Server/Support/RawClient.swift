import HTTP2
import NIOCore
import NIOPosix

@testable import GRPC

/// A client that is only an HTTP/2 session on a socket: it sends what it is told, right or wrong.
///
/// All of its state is touched on its event loop; the methods may be called from anywhere.
final class RawClient: Sendable {
  let channel: any Channel
  private let handler: NIOLoopBound<RawClientHandler>

  private init(channel: any Channel, handler: NIOLoopBound<RawClientHandler>) {
    self.channel = channel
    self.handler = handler
  }

  /// Connects to a server.
  ///
  /// - Parameter window: how many bytes the server may send on a stream before they were read.
  static func connect(to address: ServerAddress, window: UInt32 = 1 << 20) async throws -> RawClient
  {
    let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    let make: @Sendable (any Channel) -> EventLoopFuture<RawClient> = { channel in
      channel.eventLoop.makeCompletedFuture {
        let handler = try RawClientHandler(window: window)
        try channel.pipeline.syncOperations.addHandler(handler)
        return RawClient(
          channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
      }
    }
    switch address {
    case .tcp(let host, let port):
      return try await bootstrap.connect(host: host, port: port, channelInitializer: make)
    case .unix(let path):
      return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: make)
    }
  }

  /// Begins a call. Its bytes are sent as they are: `Self.frame` puts a message into form.
  ///
  /// - Parameters:
  ///   - ends: whether END_STREAM follows `bytes`.
  ///   - reads: whether received bytes are given back to the server's window.
  func start(
    _ path: String, _ bytes: [UInt8] = [], ends: Bool = true, reads: Bool = true,
    fields: HeaderList = RawClient.grpcFields, method: String = "POST"
  ) async throws -> RawCall {
    try await onLoop { handler in
      var headers: HeaderList = [
        ":method": method, ":scheme": "http", ":path": path, ":authority": "test",
      ]
      for field in fields { headers.append(field.nameString, bytes: field.value) }
      let call = RawCall(eventLoop: self.channel.eventLoop)
      let state = call.state.value
      state.body = bytes
      state.ends = ends
      state.reads = reads
      do {
        state.stream = try handler.session.submitRequest(
          headers, hasBody: !bytes.isEmpty || !ends, delegate: state)
      } catch {
        state.done.fail(error)
        throw error
      }
      handler.flush()
      return call
    }
  }

  /// Makes a call and waits for its end.
  func call(
    _ path: String, _ bytes: [UInt8] = [], ends: Bool = true,
    fields: HeaderList = RawClient.grpcFields, method: String = "POST"
  ) async throws -> RawResponse {
    try await start(path, bytes, ends: ends, fields: fields, method: method).response()
  }

  /// Sends more of a call's body.
  func send(_ bytes: [UInt8], ends: Bool = false, on call: RawCall) async throws {
    try await onLoop { handler in
      call.state.value.body += bytes
      call.state.value.ends = ends
      call.state.value.stream?.resumeBody()
      handler.flush()
    }
  }

  /// Resets a call.
  func reset(_ call: RawCall, _ code: ErrorCode = .cancel) async throws {
    try await onLoop { handler in
      call.state.value.stream?.reset(code)
      handler.flush()
    }
  }

  /// Gives everything that a call has received back to the server's window, and goes on doing so.
  func read(_ call: RawCall) async throws {
    try await onLoop { handler in
      call.state.value.reads = true
      call.state.value.stream?.consume(.max)
      handler.flush()
    }
  }

  /// Sends PINGs and does not wait for them.
  func ping(_ count: Int) async throws {
    try await onLoop { handler in
      for number in 0..<count { handler.session.submitPing(payload: UInt64(number)) }
      handler.flush()
    }
  }

  /// Has a PING sent with each 64 KiB that come, as clients do that measure the bandwidth.
  func pingWithData() async throws {
    try await onLoop { $0.bytesUntilPing = RawClientHandler.bytesPerPing }
  }

  /// The GOAWAYs that came.
  func goAways() async throws -> [(lastStreamID: Int32, code: ErrorCode, debugData: String)] {
    try await onLoop { $0.goAways }
  }

  /// Waits until the server closed the connection.
  func closed() async throws {
    try await channel.closeFuture.get()
  }

  func close() async {
    try? await channel.close()
  }

  private func onLoop<Result: Sendable>(
    _ body: @escaping @Sendable (RawClientHandler) throws -> Result
  ) async throws -> Result {
    try await channel.eventLoop.submit { try body(self.handler.value) }.get()
  }

  /// A message with its prefix.
  static func frame(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    let count = UInt32(message.count)
    return [flag] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + message
  }

  static let grpcFields: HeaderList = ["content-type": "application/grpc", "te": "trailers"]

  /// The usual fields and some more.
  static func fields(_ more: HeaderList) -> HeaderList {
    var fields = grpcFields
    for field in more { fields.append(field.nameString, bytes: field.value) }
    return fields
  }
}

/// The session on its socket.
final class RawClientHandler: ChannelInboundHandler, SessionDelegate {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  let session: Session
  var goAways: [(lastStreamID: Int32, code: ErrorCode, debugData: String)] = []
  /// How many bytes are to come until the next PING; nil = none is sent.
  var bytesUntilPing: Int?
  static let bytesPerPing = 64 << 10
  private var context: ChannelHandlerContext?

  init(window: UInt32) throws {
    var settings = SessionSettings()
    settings.initialWindowSize = window
    settings.floods.settings = Rate(burst: 1_000, perSecond: 100)
    session = try Session(role: .client, settings: settings, now: 0)
    session.delegate = self
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) { flush() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    try? session.receive(bytes.readableBytesSpan, now: 0)
    guard let left = bytesUntilPing else { return }
    bytesUntilPing = left - bytes.readableBytes
    guard left <= bytes.readableBytes else { return }
    bytesUntilPing = Self.bytesPerPing
    session.submitPing(payload: 1)
  }

  func channelReadComplete(context: ChannelHandlerContext) { flush() }

  func channelInactive(context: ChannelHandlerContext) {
    session.connectionClosed(.connectError)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func flush() {
    var output = ByteBuffer()
    session.takeOutput(now: 0) { output.writeBytes($0) }
    context?.writeAndFlush(wrapOutboundOut(output), promise: nil)
  }

  func session(
    _ session: Session, didReceiveGoAway lastStreamID: Int32, code: ErrorCode, debugData: [UInt8]
  ) {
    goAways.append((lastStreamID, code, String(decoding: debugData, as: UTF8.self)))
  }
}
