import MachineModel
import ProgressorEngine

/// Messages between machines: from one engine of a node to another, or the same, and the replies
/// back. Both take their time, and replies get lost.
extension Simulation {
  /// What a node's engine is told of the request that delivers a message.
  struct Receipt {
    let delivery: DeliveryID
    let node: Int
    let life: Int
  }

  func relay(_ delivery: Delivery, _ core: SimulatedCore, _ now: Moment) throws(Violation) {
    let node = core.node
    // Until it has heard that the database went back in time, it goes on.
    if node.generation == storage.generation, core.unheardLosses == 0 {
      try ledger.sends(delivery)
      try isFirst(delivery, now)
    }
    let shard = ShardID(of: delivery.target, shards: world.configuration.shards)
    // To the node that has the target, if there is one.
    let owner = nodes.first { $0.isUp && $0.owned[shard] != nil } ?? node
    let target = ShardPart.core(of: shard, cores: world.cores)
    let id = RequestID(requestNumbers[Int(target.number)].next())
    receipts[id] = Receipt(delivery: delivery.id, node: node.number, life: node.life)
    var request = Request(
      id: id, machine: delivery.target, operation: delivery.operation,
      deadline: now.uptime + delivery.patience, context: delivery.context)
    request.sender = delivery.sender
    agenda.plan(
      .input(node: owner.number, life: owner.life, .request(request)),
      after: random.within(0...200))
    // The target's node may end meanwhile.
    agenda.plan(
      .input(
        node: node.number, life: node.life, .delivered(delivery.id, Simulation.nobodyAnswered)),
      after: delivery.patience + 100_000)
  }

  /// Of those of its pair that are due the message has the lowest number. Where there is room for
  /// few in memory, nobody can tell.
  private func isFirst(_ delivery: Delivery, _ now: Moment) throws(Violation) {
    guard world.configuration.lookAheadPage > 1_000, let tag = delivery.operation.tag,
      let own = storage.messages.values.first(where: { rows in
        rows.values.contains { Tag.number(in: $0.pending.message.args) == tag }
      }),
      let sent = own.values.first(where: { Tag.number(in: $0.pending.message.args) == tag })
    else { return }
    let earlier = own.values.first {
      $0.target == sent.target && $0.ref.number < sent.ref.number
        && $0.pending.nextAttemptAt != nil && $0.pending.deliverAt <= now.wall
        && !ledger.isOver($0)
    }
    try require(
      earlier == nil, .messagesOnce,
      "\(delivery.sender): message \(sent.ref.number) to \(delivery.target) goes before "
        + "\(earlier?.ref.number ?? 0), which is due")
  }

  private static let nobodyAnswered = Reply.error(
    ProgressorError(.deadlineExceeded, .deadlineExceeded, "nobody answered"))

  /// Whether the reply is to a message: its sender's engine hears it, or that nobody answered.
  func isReceipt(_ id: RequestID, _ reply: Reply) -> Bool {
    guard let receipt = receipts.removeValue(forKey: id) else { return false }
    var heard = reply
    if plan.strikes(.receiptLost, &random) { heard = Simulation.nobodyAnswered }
    agenda.plan(
      .input(node: receipt.node, life: receipt.life, .delivered(receipt.delivery, heard)),
      after: random.within(0...200))
    return true
  }

  /// A message that is to be delivered and is not, long after its time; nil = there is none.
  var overdueMessage: String? {
    for message in storage.messages.values.joined().map(\.value) {
      guard message.pending.nextAttemptAt != nil,
        message.pending.deliverAt.advanced(byMicroseconds: 3_000_000) < wall
      else { continue }
      return "message \(message.ref.number) of \(message.sender) to \(message.target) is due since "
        + "\(message.pending.deliverAt.microseconds), \(message.pending.lastReason)"
    }
    return nil
  }
}
