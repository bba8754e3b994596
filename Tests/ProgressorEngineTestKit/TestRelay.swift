package import MachineModel
package import ProgressorEngine

/// Takes messages to their targets: to the engine of the world, as requests of its own, or nowhere.
package struct TestRelay {
  /// Every message that was to be delivered, in that order.
  package private(set) var deliveries: [Delivery] = []
  /// How a delivery ends that does not come to the engine; nil = it comes there.
  package var ends: (Delivery) -> Reply? = { _ in nil }
  /// Its messages wait until the test says how they end.
  package var holds = false
  package private(set) var held: [Delivery] = []
  private var underWay: [RequestID: DeliveryID] = [:]

  /// What follows at once.
  mutating func take(_ delivery: Delivery, as id: RequestID, _ now: Moment) -> Input? {
    deliveries.append(delivery)
    if holds {
      held.append(delivery)
      return nil
    }
    return hand(delivery, as: id, now)
  }

  mutating func hand(_ delivery: Delivery, as id: RequestID, _ now: Moment) -> Input {
    if let reply = ends(delivery) { return .delivered(delivery.id, reply) }
    underWay[id] = delivery.id
    var request = Request(
      id: id, machine: delivery.target, operation: delivery.operation,
      deadline: now.uptime + delivery.patience, context: delivery.context)
    request.sender = delivery.sender
    return .request(request)
  }

  /// What the sender's engine hears, if the reply is to a message.
  mutating func receipt(_ id: RequestID, _ reply: Reply) -> Input? {
    underWay.removeValue(forKey: id).map { .delivered($0, reply) }
  }

  /// Takes what was held back.
  mutating func takeHeld() -> [Delivery] {
    defer { held = [] }
    return held
  }
}

extension World {
  /// The messages that were held back come to the engine.
  package func releaseMessages() {
    relay.holds = false
    play(relay.takeHeld().map { relay.hand($0, as: nextRequestID(), now) })
  }

  /// The notifications and starts that messages brought, in their order: the target's id.
  package var delivered: [String] { relay.deliveries.map(\.target.id) }
}

extension ProcessorOutcome {
  /// Messages are sent.
  package static func send(
    _ messages: OutgoingMessage..., cancel: [String] = [], remove: Bool = false
  ) -> ProcessorOutcome {
    send(all: messages, cancel: cancel, remove: remove)
  }

  package static func send(
    all messages: [OutgoingMessage], cancel: [String] = [], remove: Bool = false
  ) -> ProcessorOutcome {
    var action = Action(remove: remove)
    action.send = messages
    action.cancelMessages = cancel
    return .answered(ProcessorAnswer(action: action))
  }
}

extension OutgoingMessage {
  /// A notification of a machine of the same namespace, or of another.
  package static func notify(
    _ id: String, in namespace: String = "", args: [UInt8] = [], after delay: Duration? = nil,
    name: String? = nil, reports: Bool = false
  ) -> OutgoingMessage {
    OutgoingMessage(
      target: MachineID(namespace: namespace, id: id), kind: .notify(args: args),
      when: delay.map { .delay(microseconds: $0.microseconds) } ?? .atOnce, name: name,
      reportsFailure: reports)
  }

  /// The start of a machine.
  package static func start(
    _ id: String, in namespace: String = "", ignoresExisting: Bool = false, reports: Bool = false
  ) -> OutgoingMessage {
    OutgoingMessage(
      target: MachineID(namespace: namespace, id: id),
      kind: .start(args: [], ignoresExisting: ignoresExisting), reportsFailure: reports)
  }
}
