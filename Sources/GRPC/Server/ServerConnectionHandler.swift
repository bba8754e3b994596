import HTTP2
import Logging
import NIOCore
import Synchronization

/// One connection of the server: bytes of the socket to the HTTP/2 session and back, at most one
/// write per turn of the event loop, and one timer for all that is due on the connection.
///
/// It has no rule of its own: `ConnectionLifetime` says what is due, `ServerStream` what a call
/// does.
final class ServerConnectionHandler: @unchecked Sendable {
  // Safe to share: the constants never change, `mailbox` is made for several threads, and all other
  // state is touched on the event loop only.

  let eventLoop: any EventLoop
  let configuration: ServerConfiguration
  /// Who is at the other end, as requests tell it.
  let peer: String
  let router: Router
  let logger: Logger
  let counters: ServerCounters
  let mailbox = ConnectionMailbox()
  /// Shared by the connections of the event loop.
  let inflating: InflateScheduler

  var context: ChannelHandlerContext?
  var session: Session?
  var lifetime: ConnectionLifetime
  /// When the running turn began: read once for all that happens in it.
  var now: NIODeadline

  let runningCalls = RunningCalls()
  var bufferedRequestBytes = 0
  /// Bytes of requests from their header fields to their answer.
  var heldRequestBytes = 0
  let requestBudget: RequestBudget
  /// Complete requests that wait until the client took more of the responses.
  var waiting = WaitingLine<ServerStream>()
  let budget: UnreadBudget
  /// Set aside for the answers of calls that handlers have.
  var reservedResponseBytes = 0
  /// How fast the client takes all answers together.
  var outputPace: Pace
  var expectedSizes = ExpectedSizes()
  /// Calls whose responses left in part during this flush.
  var progressed: [(stream: ServerStream, count: Int)] = []

  var output = ByteBuffer()
  var isReading = false
  var isFlushing = false
  var isFlushScheduled = false
  var needsFlush = false
  /// When the socket is to be read and is not, because too much waits to be sent.
  var pauses = ReadingPauses()
  /// Nothing is read any more.
  var isClosing = false
  /// The connection ends after the next flush, whatever could not be sent.
  var mustClose = false
  /// The socket is closed.
  var isGone = false
  var unwritableSince: NIODeadline?

  var deadlines = DeadlineQueue()
  var paceCheckAt: NIODeadline?
  let timer: LoopTimer

  /// How many bytes go to the socket in one write.
  static let writeSize = 64 << 10

  init(
    eventLoop: any EventLoop, router: Router, configuration: ServerConfiguration,
    counters: ServerCounters, inflating: InflateScheduler, peer: String, logger: Logger,
    jitter: Double
  ) {
    self.eventLoop = eventLoop
    self.router = router
    self.configuration = configuration
    self.counters = counters
    self.inflating = inflating
    self.peer = peer
    self.logger = logger
    timer = LoopTimer(on: eventLoop)
    budget = UnreadBudget(
      perConnection: configuration.maxUnreadBytesPerConnection,
      perServer: configuration.maxUnreadBytes)
    requestBudget = RequestBudget(perServer: configuration.maxRequestBytes)
    now = .now()
    outputPace = Pace(demanded: 0, now: now)
    lifetime = ConnectionLifetime(limits: configuration.lifetime, jitter: jitter, now: now)
  }
}

// MARK: The channel

extension ServerConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    do {
      let session = try Session(
        role: .server, settings: configuration.http2, now: now.uptimeNanoseconds)
      session.delegate = self
      self.session = session
    } catch {
      logger.error("cannot serve a connection", metadata: ["error": "\(error)"])
      context.close(promise: nil)
    }
  }

  /// Lets go of the context, which holds this handler.
  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  /// Our SETTINGS wait for the client's first bytes: whoever speaks HTTP/1 is to get an answer that
  /// it can read.
  func channelActive(context: ChannelHandlerContext) {
    scheduleWakeup()
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing, let session else { return }
    let bytes = unwrapInboundIn(data)
    isReading = true
    now = .now()
    lifetime.received(now: now)
    do {
      try session.receive(bytes.readableBytesSpan, now: now.uptimeNanoseconds)
    } catch {
      failed(error, after: bytes)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    perform(lifetime.endedRead())
    isReading = false
    flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      unwritableSince = nil
      updateStandstill()
      flush()
    } else if unwritableSince == nil {
      unwritableSince = .now()
      updateStandstill()
      checkPaceLater()
    }
  }

  /// Reads on only while there is room for the answers.
  func read(context: ChannelHandlerContext) {
    guard !isCongested else {
      pauses.begin(now: .now())
      updateStandstill()
      return
    }
    context.read()
  }

  /// A PING cannot leave, or its answer cannot be seen, while the client does not take what waits
  /// for it: then that is judged by its pace.
  private func updateStandstill() {
    lifetime.setStandstill(pauses.isPaused || unwritableSince != nil, now: .now())
    scheduleWakeup()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosing = true
    isGone = true
    now = .now()
    scheduleWakeup()
    session?.connectionClosed(.cancel)
    waiting.removeAll()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.debug("a connection broke", metadata: ["peer": "\(peer)", "error": "\(error)"])
    isClosing = true
    context.close(promise: nil)
  }

  var isCongested: Bool {
    guard let context, let session else { return true }
    return !context.channel.isWritable || session.isOutputCongested
  }

  // MARK: Output

  /// Sends what is there, later in this turn of the loop: so that all answers of a turn share a
  /// write.
  func scheduleFlush() {
    needsFlush = true
    guard !isReading, !isFlushing, !isFlushScheduled else { return }
    isFlushScheduled = true
    eventLoop.execute {
      self.isFlushScheduled = false
      self.now = .now()
      self.flush()
    }
  }

  /// Sends what is there now, as far as the socket takes it.
  func flush() {
    guard !isFlushing, !isReading, let context, let session else { return }
    isFlushing = true
    repeat {
      needsFlush = false
      while context.channel.isWritable, context.channel.isActive {
        output.clear(minimumCapacity: 1024)
        session.takeOutput(limit: Self.writeSize, now: now.uptimeNanoseconds) {
          output.writeBytes($0)
        }
        guard output.readableBytes > 0 else { break }
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
      }
      goOn()
    } while needsFlush && context.channel.isWritable
    isFlushing = false
    finishFlush(context, session)
  }

  /// Lets go on what waited for the client to take bytes.
  private func goOn() {
    let some = progressed
    progressed.removeAll()
    for (stream, count) in some { stream.resumeHandler(sent: count) }
    guard hasRoomForResponses else { return }
    if mailbox.lacksRoom.exchange(false, ordering: .acquiringAndReleasing) {
      for call in calls() { call.resumeHandler(sent: 0) }
    }
    beginWaiting()
  }

  private func finishFlush(_ context: ChannelHandlerContext, _ session: Session) {
    if mustClose || session.isFinished {
      isClosing = true
      context.close(promise: nil)
      return
    }
    if bufferedResponseBytes > 0 { checkPaceLater() }
    if pauses.isPaused, !isCongested {
      pauses.end(now: .now())
      updateStandstill()
      context.read()
    }
  }

  // MARK: Ends

  private func failed(_ error: HTTP2Error, after bytes: ByteBuffer) {
    logger.debug("a connection is ended", metadata: ["peer": "\(peer)", "error": "\(error)"])
    isClosing = true
    mustClose = true
    guard error.reason == .notHTTP2, let context else { return }
    // Only a client that speaks HTTP/1 understands words; others just see the end.
    if let first = bytes.readableBytesView.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")) ~= first {
      let answer = ByteBuffer(string: Self.http1Answer)
      context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    }
    context.close(promise: nil)
  }

  private static let http1Answer: String = {
    let text = "This is a gRPC server: it speaks HTTP/2 only, without upgrade from HTTP/1.1.\n"
    return "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
      + "content-length: \(text.utf8.count)\r\nconnection: close\r\n\r\n" + text
  }()
}
