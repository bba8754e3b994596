import NIOCore

/// Closes a connection whose handshake takes too long, at the socket: nothing is said any more to a
/// peer that says nothing, and nothing waits for its farewell. The first of the channel's handlers,
/// until the handshake has ended.
final class HandshakeTimeout: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias InboundOut = NIOAny

  private let timer: LoopTimer
  private var context: ChannelHandlerContext?
  private var deadline: NIODeadline?

  init(after timeout: TimeAmount, on eventLoop: any EventLoop) {
    timer = LoopTimer(on: eventLoop)
    deadline = eventLoop.now + timeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    timer.update(for: self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    stop()
  }

  func channelInactive(context: ChannelHandlerContext) {
    stop()
    context.fireChannelInactive()
  }

  /// The handshake has ended, however that was.
  func end() {
    stop()
    context?.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  private func stop() {
    deadline = nil
    timer.update(for: self)
  }
}

extension HandshakeTimeout: TimeDriven {
  var nextTime: NIODeadline? { deadline }

  func timeCame(now: NIODeadline) {
    guard let deadline, deadline <= now else { return }
    self.deadline = nil
    context?.close(mode: .all, promise: nil)
  }
}
