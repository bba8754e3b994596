import NIOCore
import NIOHTTP1
import PrometheusMetrics
import Synchronization

/// Answers one HTTP request of a connection, and closes it.
final class MetricsHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let obstacle: MetricsEndpoint.Obstacle
  private let render: MetricsEndpoint.Render
  private var head: HTTPRequestHead?
  private var bodyBytes = 0
  private var isAnswered = false
  private var timeout: Scheduled<Void>?

  /// A request of ours has no body; what some clients send is not worth an error.
  static let maximumBodyBytes = 4_096
  static let timeLimit = TimeAmount.seconds(10)

  init(
    obstacle: @escaping MetricsEndpoint.Obstacle, render: @escaping MetricsEndpoint.Render
  ) {
    self.obstacle = obstacle
    self.render = render
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    timeout = context.eventLoop.scheduleTask(in: Self.timeLimit) { channel.close(promise: nil) }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    timeout?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isAnswered else { return }
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
    case .body(let bytes):
      bodyBytes += bytes.readableBytes
      if bodyBytes > Self.maximumBodyBytes { context.close(promise: nil) }
    case .end:
      guard let head else { return }
      isAnswered = true
      answer(head, context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let path = head.uri.prefix { $0 != "?" }
    guard ["/metrics", "/livez", "/readyz"].contains(path) else {
      return write(
        .notFound, "There are /metrics, /livez and /readyz.\n", head, context)
    }
    guard head.method == .GET || head.method == .HEAD else {
      return write(.methodNotAllowed, "Only GET and HEAD.\n", head, context, allow: "GET, HEAD")
    }
    switch path {
    case "/livez": write(.ok, "ok\n", head, context)
    case "/readyz":
      let obstacle = obstacle()
      write(
        obstacle == nil ? .ok : .serviceUnavailable, "\(obstacle ?? "ok")\n", head, context)
    default: answerMetrics(head, context)
    }
  }

  private func answerMetrics(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    render().hop(to: context.eventLoop).whenComplete { result in
      let (handler, context) = bound.value
      switch result {
      case .success(let text):
        handler.write(.ok, text, head, context, type: Exposition.contentType)
      case .failure:
        handler.write(.serviceUnavailable, "The server starts or stops.\n", head, context)
      }
    }
  }

  private func write(
    _ status: HTTPResponseStatus, _ text: String, _ request: HTTPRequestHead,
    _ context: ChannelHandlerContext, type: String = "text/plain; charset=utf-8",
    allow: String? = nil
  ) {
    var headers = HTTPHeaders([
      ("content-type", type), ("content-length", "\(text.utf8.count)"), ("connection", "close"),
    ])
    if let allow { headers.add(name: "allow", value: allow) }
    context.write(
      wrapOutboundOut(
        .head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
      promise: nil)
    if request.method != .HEAD {
      context.write(
        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      channel.close(promise: nil)
    }
  }
}

/// Bounds the connections that are open at once, over all loops: whoever comes when there are too
/// many takes the place of the oldest, so that those who say nothing keep nobody out.
final class ConnectionGate: Sendable {
  private let open = Mutex<[any Channel]>([])
  private let maximum: Int

  init(maximum: Int) {
    self.maximum = maximum
  }

  /// The channel counts until it closes.
  func enter(_ channel: any Channel) {
    let oldest = open.withLock { open in
      open.append(channel)
      return open.count > maximum ? open.removeFirst() : nil
    }
    oldest?.close(promise: nil)
    channel.closeFuture.whenComplete { _ in
      self.open.withLock { open in open.removeAll { $0 === channel } }
    }
  }
}
