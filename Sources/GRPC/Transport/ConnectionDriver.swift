import HTTP2
import NIOCore

/// What the connections of both sides have in common: carries bytes between the socket and the
/// HTTP/2 session, with at most one write per read or turn of the event loop; reads on only while
/// the peer takes what waits for it; keeps one timer for all that is due; and closes.
///
/// It decides nothing about calls: what comes of what it sees, its ``ConnectionSide`` says.
final class ConnectionDriver<Side: ConnectionSide>: @unchecked Sendable {
  // Safe to share: the constants never change, and all other state is touched on the event loop
  // only, to which other threads hand it on.

  let eventLoop: any EventLoop
  let session: Session
  private let timer: LoopTimer

  /// Retained as long as the socket is there.
  private var side: Side?
  private var context: ChannelHandlerContext?
  /// When the running turn of the loop began: read once for all that happens in it.
  private(set) var now: NIODeadline

  private var output = ByteBuffer()
  /// Output only queues: a flush follows.
  private(set) var isGathering = false
  private var isFlushing = false
  private var isFlushScheduled = false
  private var needsFlush = false
  /// When the socket is to be read and is not, because too much waits to be sent, or the peer has
  /// to wait for its turn.
  private(set) var pauses = ReadingPauses()
  /// What the peer has begun to send and not ended.
  private var unfinishedFrame: UnfinishedFrame?
  /// Since when the socket takes nothing.
  private(set) var unwritableSince: NIODeadline?

  /// Whether the connection ends, so that nothing is read any more.
  private(set) var isEnding = false
  /// Whether the connection ends after the next flush, whatever could not be sent.
  private var mustClose = false
  /// Whether the socket is closed.
  private(set) var isGone = false

  /// - Throws: when the system gives no memory.
  init(
    role: Session.Role, settings: SessionSettings, on eventLoop: any EventLoop, now: NIODeadline
  ) throws(HTTP2Error) {
    session = try Session(role: role, settings: settings, now: now.uptimeNanoseconds)
    timer = LoopTimer(on: eventLoop)
    self.eventLoop = eventLoop
    self.now = now
  }

  /// Begins to carry the bytes of a channel.
  ///
  /// - Throws: when the channel is closed already.
  func start(_ side: Side, on channel: any Channel) throws {
    self.side = side
    session.delegate = side
    do {
      try channel.pipeline.syncOperations.addHandler(self)
    } catch {
      self.side = nil
      throw error
    }
  }

  /// Something begins that did not come from the socket or the timer: reads the clock.
  func beginTurn() {
    now = .now()
  }

  // MARK: Output

  /// Has what was submitted written later in this turn of the loop, or after the running read: so
  /// that all of a turn share a write.
  func setNeedsFlush() {
    needsFlush = true
    guard !isGathering, !isFlushing, !isFlushScheduled, !isGone else { return }
    isFlushScheduled = true
    eventLoop.execute {
      self.isFlushScheduled = false
      self.flushNow()
    }
  }

  /// Sends what is there now, as far as the socket takes it.
  func flushNow() {
    now = .now()
    flush()
  }

  /// Does something in a turn of its own, and sends what comes of it in one write.
  func gather(_ body: () -> Void) {
    now = .now()
    isGathering = true
    body()
    isGathering = false
    flush()
  }

  private func flush() {
    guard !isFlushing, !isGathering, !isGone, let context, let side else { return }
    isFlushing = true
    repeat {
      needsFlush = false
      writeOutput(context)
      side.wrote()
    } while needsFlush && !isGone && context.channel.isWritable
    isFlushing = false
    guard !isGone else { return }
    if mustClose || session.isFinished {
      isEnding = true
      context.close(promise: nil)
    } else if pauses.isPaused, mayRead(context) {
      pauses.end(now: .now())
      updateStandstill()
      context.read()
    }
  }

  private func writeOutput(_ context: ChannelHandlerContext) {
    let channel = context.channel
    // A write that fails may close the channel before it returns.
    while channel.isWritable, channel.isActive {
      output.clear(minimumCapacity: 1024)
      session.takeOutput(limit: Side.writeSize, now: now.uptimeNanoseconds) {
        output.writeBytes($0)
      }
      guard output.readableBytes > 0 else { break }
      context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }
  }

  // MARK: Back-pressure

  private func mayRead(_ context: ChannelHandlerContext) -> Bool {
    !session.isOutputCongested && pauseEnd == nil
      && (Side.readsWhileUnwritable || context.channel.isWritable)
  }

  /// Until when the peer has to wait for its turn.
  private var pauseEnd: NIODeadline? {
    session.pauseEnd(now: now.uptimeNanoseconds).map { .uptimeNanoseconds($0) }
  }

  private func updateStandstill() {
    side?.standstillChanged(pauses.isPaused || unwritableSince != nil, now: .now())
    updateTimer()
  }

  // MARK: Ends

  /// Reads no more, and closes after the next flush, whatever could not be sent.
  func closeAfterFlush() {
    isEnding = true
    mustClose = true
    needsFlush = true
  }

  /// Reads no more, and closes without sending what waits.
  ///
  /// - Parameter words: bytes that are sent instead.
  func closeNow(with words: ByteBuffer? = nil) {
    isEnding = true
    guard let context else { return }
    if let words { context.writeAndFlush(wrapOutboundOut(words), promise: nil) }
    context.close(promise: nil)
  }

  private func socketClosed() {
    guard !isGone else { return }
    isEnding = true
    isGone = true
    now = .now()
    updateTimer()
    side?.socketClosed()
  }
}

// MARK: - Time

extension ConnectionDriver: TimeDriven {
  /// Sees to it that the timer fires when the next thing is due.
  func updateTimer() {
    timer.update(for: self)
  }

  var nextTime: NIODeadline? {
    guard !isGone else { return nil }
    let mine = NIODeadline.earliest(frameDueAt, pauses.isPaused ? pauseEnd : nil)
    return .earliest(side?.nextTime, mine)
  }

  func timeCame(now: NIODeadline) {
    guard !isGone else { return }
    self.now = now
    side?.timeCame(now: now)
    followFrames()
    if let frameDueAt, frameDueAt <= now {
      unfinishedFrame = nil
      side?.frameTookTooLong()
    }
    if pauses.isPaused { setNeedsFlush() }
  }

  /// Sees what the peer has begun and not ended. What belongs to a stream is in its hands, and has
  /// all of the time anew when that ends first.
  private func followFrames() {
    guard let number = session.unfinishedFrame else {
      unfinishedFrame = nil
      return
    }
    guard unfinishedFrame?.number != number || session.isUnfinishedFrameOfStream else { return }
    unfinishedFrame = UnfinishedFrame(number: number, now: now, paused: pauses.total(now: now))
  }

  private var frameDueAt: NIODeadline? {
    guard !isEnding, let unfinishedFrame, let period = side?.unfinishedFrameTimeout else {
      return nil
    }
    return unfinishedFrame.dueAt(period: period, paused: pauses.total(now: now))
  }
}

// MARK: - The channel

extension ConnectionDriver: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin() }
  }

  /// Lets go of the context and the side, which hold this driver.
  func handlerRemoved(context: ChannelHandlerContext) {
    socketClosed()
    self.context = nil
    side = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    begin()
    context.fireChannelActive()
  }

  private func begin() {
    updateTimer()
    if Side.speaksFirst { flushNow() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding, let side else { return }
    let bytes = unwrapInboundIn(data)
    isGathering = true
    now = .now()
    side.received(now: now)
    do throws(HTTP2Error) {
      try session.receive(bytes.readableBytesSpan, now: now.uptimeNanoseconds)
    } catch {
      closeAfterFlush()
      side.sessionFailed(error, after: bytes)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    side?.endedRead()
    followFrames()
    isGathering = false
    updateTimer()
    flush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let isWritable = context.channel.isWritable
    now = .now()
    unwritableSince = isWritable ? nil : unwritableSince ?? now
    updateStandstill()
    if isWritable { flush() }
    context.fireChannelWritabilityChanged()
  }

  /// Reads on only while there is room for what is sent because of it.
  func read(context: ChannelHandlerContext) {
    if mayRead(context) {
      context.read()
    } else {
      pauses.begin(now: .now())
      updateStandstill()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    side?.socketFailed(error)
    closeNow()
  }

  func channelInactive(context: ChannelHandlerContext) {
    socketClosed()
    context.fireChannelInactive()
  }
}
