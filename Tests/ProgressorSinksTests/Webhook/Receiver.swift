import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A server in this process that takes webhooks and answers as it is told.
final class Receiver: Sendable {
  /// What it does with a request.
  enum Answer: Sendable {
    /// Answers; the body has so many bytes.
    case status(Int, [(String, String)] = [], bodyBytes: Int = 2)
    /// Keeps silent.
    case nothing
    /// Closes the connection instead of answering.
    case close
    /// Answers 200 with a part of the body that it announces, and closes the connection.
    case cut
    /// Answers with a part of the body that it announces, and keeps silent.
    case part(Int)
    /// Answers 200 and sends its body byte by byte, without end.
    case trickle
    /// Sends 200 and then bytes without end, as fast as they are taken.
    case flood
    /// Answers what is not HTTP.
    case nonsense
  }

  /// A request as it came.
  struct Request: Sendable {
    var uri = ""
    var headers = HTTPHeaders()
    var body: [UInt8] = []

    /// The ids of the events in it, in their order.
    var ids: [String] {
      let text = String(decoding: body, as: UTF8.self)
      return text.split(separator: #"{"specversion":"1.0","id":""#).dropFirst().map {
        String($0.prefix { $0 != "\"" })
      }
    }

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  private struct State {
    var requests: [Request] = []
    var connections = 0
    var open = 0
  }

  private let answer: @Sendable (Int, Request) -> Answer
  private let state = Mutex(State())
  private let listener = Mutex<(any Channel)?>(nil)
  private let arrived: AsyncStream<Request>
  private let arrive: AsyncStream<Request>.Continuation
  /// Whether it takes what is sent at all.
  private let reads: Bool
  /// What it answers as soon as it knows how long a body will be; nil = it takes the body.
  fileprivate let early: Int?

  /// - Parameter answer: What it does with the n-th request, from 0 on.
  private init(
    reads: Bool, early: Int?, _ answer: @escaping @Sendable (Int, Request) -> Answer
  ) {
    self.answer = answer
    self.reads = reads
    self.early = early
    (arrived, arrive) = AsyncStream.makeStream()
  }

  /// Has a server while `body` runs; it is asked at `url`.
  static func with<Result>(
    tls: NIOSSLContext? = nil, reads: Bool = true, early: Int? = nil,
    _ answer: @escaping @Sendable (Int, Request) -> Answer,
    _ body: (Receiver, _ url: String) async throws -> Result
  ) async throws -> Result {
    let receiver = Receiver(reads: reads, early: early, answer)
    let channel = try await receiver.listen(tls)
    let result: Result
    do {
      let port = channel.localAddress?.port ?? 0
      result = try await body(receiver, "\(tls == nil ? "http" : "https")://127.0.0.1:\(port)/hook")
    } catch {
      try? await channel.close()
      throw error
    }
    try? await channel.close()
    return result
  }

  private func listen(_ tls: NIOSSLContext?) async throws -> any Channel {
    try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_rcvbuf), value: 64 << 10)
      .childChannelOption(.autoRead, value: reads)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
          try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
          try pipeline.addHandler(ReceiverHandler(self))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  /// What came so far.
  var requests: [Request] { state.withLock { $0.requests } }

  /// How many connections there were, and how many there are.
  var connections: (all: Int, open: Int) { state.withLock { ($0.connections, $0.open) } }

  /// The next request, as soon as it has come.
  func next() async -> Request? {
    var iterator = arrived.makeAsyncIterator()
    return await iterator.next()
  }

  fileprivate func opened() {
    state.withLock {
      $0.connections += 1
      $0.open += 1
    }
  }

  fileprivate func closed() { state.withLock { $0.open -= 1 } }

  fileprivate func took(_ request: Request) -> Answer {
    let number = state.withLock { state in
      state.requests.append(request)
      return state.requests.count - 1
    }
    arrive.yield(request)
    return answer(number, request)
  }
}

private final class ReceiverHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let receiver: Receiver
  private var request = Receiver.Request()

  init(_ receiver: Receiver) { self.receiver = receiver }

  func channelActive(context: ChannelHandlerContext) { receiver.opened() }

  func channelInactive(context: ChannelHandlerContext) { receiver.closed() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      request = Receiver.Request(uri: head.uri, headers: head.headers)
      if let code = receiver.early { refuse(code, context) }
    case .body(let part): request.body += part.readableBytesView
    case .end: perform(receiver.took(request), context)
    }
  }

  private func perform(_ answer: Receiver.Answer, _ context: ChannelHandlerContext) {
    switch answer {
    case .status(let code, let fields, let count):
      head(code, fields + [("content-length", String(count))], context)
      part(count, context)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    case .nothing: break
    case .close: context.close(promise: nil)
    case .cut:
      head(200, [("content-length", "100")], context)
      part(10, context)
      context.flush()
      context.close(promise: nil)
    case .part(let code):
      head(code, [("content-length", "100")], context)
      part(10, context)
    case .trickle:
      head(200, [("transfer-encoding", "chunked")], context)
      trickle(context)
    case .flood:
      head(200, [("transfer-encoding", "chunked")], context)
      flood(context)
    case .nonsense:
      // Past what encodes HTTP.
      let encoder = try? context.pipeline.syncOperations.context(
        handlerType: HTTPResponseEncoder.self)
      let bytes = ByteBuffer(string: "220 mail.example.org ESMTP\r\n\r\n")
      encoder?.writeAndFlush(NIOAny(bytes), promise: nil)
    }
  }

  /// Answers before the body has come, and reads nothing of it.
  private func refuse(_ code: Int, _ context: ChannelHandlerContext) {
    context.channel.setOption(.autoRead, value: false).assumeIsolated().whenSuccess {
      self.head(code, [("content-length", "0"), ("connection", "close")], context)
      context.flush()
    }
  }

  private func head(
    _ code: Int, _ fields: [(String, String)], _ context: ChannelHandlerContext
  ) {
    let head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: code), headers: HTTPHeaders(fields))
    context.write(wrapOutboundOut(.head(head)), promise: nil)
  }

  @discardableResult
  private func part(_ count: Int, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
    let bytes = ByteBuffer(repeating: UInt8(ascii: "x"), count: count)
    return context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(bytes))))
  }

  private func trickle(_ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    part(1, context)
    context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(5)) {
      self.trickle(context)
    }
  }

  private func flood(_ context: ChannelHandlerContext) {
    part(16 << 10, context).assumeIsolated().whenSuccess { self.flood(context) }
  }
}
