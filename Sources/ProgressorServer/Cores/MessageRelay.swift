import MachineModel
import NIOCore
import ProgressorEngine

/// Takes messages of machines to the engines of their targets, as requests like a client's, and the
/// replies back. From any thread.
struct MessageRelay: Sendable {
  private let dispatcher: Dispatcher

  init(_ dispatcher: Dispatcher) { self.dispatcher = dispatcher }

  /// - Parameters:
  ///   - sender: The loop of the engine that has the sender.
  ///   - now: The turn's.
  func deliver(_ delivery: Delivery, from sender: EngineLoop, now: Moment) {
    var request = Request(
      id: dispatcher.newRequestID(for: delivery.target), machine: delivery.target,
      operation: delivery.operation, deadline: now.uptime + delivery.patience,
      context: delivery.context)
    request.sender = delivery.sender
    let target = Receipt(delivery: delivery.id, sender: sender)
    if !dispatcher.submit(request, replyTo: target) {
      target.send(.error(.overloaded("too many requests wait for the engine")))
    }
  }

  /// Where the reply to a message goes.
  private struct Receipt: ReplyTarget {
    let delivery: DeliveryID
    let sender: EngineLoop

    var eventLoop: any EventLoop { sender.eventLoop }

    func send(_ reply: Reply) { sender.submit(.delivered(delivery, reply)) }
  }
}
