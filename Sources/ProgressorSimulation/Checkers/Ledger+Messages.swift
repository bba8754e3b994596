import MachineModel
import ProgressorEngine

/// A message of a committed step.
struct SentMessage {
  let sender: MachineID
  let target: MachineID
  let principal: String?
  let name: ExactText?
  /// It starts its target unless that is there.
  let ignoresExisting: Bool
  /// It was taken out of the database by a step, or went with its machine.
  var isCancelled = false
  /// It stays, and will never be delivered.
  var isParked = false
  /// Somebody had it tried at another time than it was sent for.
  var isRetried = false
}

/// I13: a message of a committed step takes effect exactly once, or is visibly undeliverable. I14:
/// nothing of a refused or lost step is ever sent. A message is known by the tag of what it
/// carries; that it has no second effect, those who look at starts and notifications say.
extension Ledger {
  /// An engine delivers a message.
  func sends(_ delivery: Delivery) throws(Violation) {
    guard let tag = delivery.operation.tag, let message = messages[tag] else {
      throw Violation(
        .messagesCommitted,
        "\(delivery.sender): a message to \(delivery.target) is sent, and its "
          + "step is not in the database")
    }
    try require(
      message.target == delivery.target, .messagesOnce,
      "\(delivery.sender): a message goes to \(delivery.target), not to \(message.target)")
  }

  /// The database has the message.
  func hasMessage(_ number: Int64, of sender: MachineID) -> Bool {
    messageTags.contains { ref, tag in
      ref.number == number && messages[tag]?.sender == sender
    }
  }

  /// The message had its effect, or somebody had it tried, when its engine may not have heard.
  func isOver(_ message: MessageRow) -> Bool {
    guard let tag = messageTags[message.ref] else { return true }
    guard let message = messages[tag] else { return true }
    return effects[tag] != nil || vanished.contains(tag) || message.isRetried
      || message.ignoresExisting
  }

  /// Who asked for what carries this tag; nil = nobody has an identity.
  func principal(of tag: UInt64) -> String? {
    Tag.isOfMessage(tag) ? messages[tag]?.principal : Tag.principal(of: tag)
  }

  func principal(in bytes: [UInt8]) -> String? {
    Tag.number(in: bytes).flatMap { principal(of: $0) }
  }

  /// A record sends, ends or postpones messages.
  mutating func messages(_ applied: AppliedRecord, _ step: InvocationRecord?) throws(Violation) {
    let record = applied.record
    try sent(record, step)
    for message in record.sent {
      guard let tag = Tag.number(in: message.pending.message.args) else { continue }
      try require(
        messages[tag] == nil, .messagesOnce, "\(record.machine): a message is sent twice")
      var ignores = false
      if case .start(_, ignoresExisting: true) = message.pending.message.kind { ignores = true }
      messages[tag] = SentMessage(
        sender: message.sender, target: message.target, principal: message.context.principal,
        name: message.pending.message.name.map { ExactText($0) }, ignoresExisting: ignores)
      messageTags[message.ref] = tag
    }
    for number in record.takenOut {
      let ref = MessageRef(shard: record.shard, machine: record.key, number: number)
      guard let tag = messageTags.removeValue(forKey: ref) else { continue }
      if record.endsMessage {
        try hadEffect(tag, applied)
      } else {
        messages[tag]?.isCancelled = true
      }
    }
    if let time = record.forgotten {
      for message in applied.forgotten where message.pending.deliverAt > time {
        if let tag = messageTags.removeValue(forKey: message.ref) {
          messages[tag]?.isCancelled = true
        }
      }
    }
    guard let next = record.postponed else { return }
    let ref = MessageRef(shard: record.shard, machine: record.key, number: next.number)
    guard let tag = messageTags[ref] else { return }
    if !record.endsMessage {
      messages[tag]?.isParked = false
      messages[tag]?.isRetried = true
    }
    guard next.nextAttemptAt == nil else { return }
    messages[tag]?.isParked = true
    // With a namespace its keys are gone, by which a second delivery hears of the first.
    let isForgotten = gone.contains(ExactText(next.message.target.namespace))
    try require(
      effects[tag] == nil || isForgotten, .messagesOnce,
      "\(record.machine): a message had its effect, and is said to have none")
    let reports = record.enqueued.filter { $0.origin.isReport }
    try require(
      reports.count == (next.message.reportsFailure ? 1 : 0), .messagesOnce,
      "\(record.machine): \(reports.count) reports of a message that can never be delivered")
  }

  /// What an answer sends is what is written.
  private func sent(_ record: CommitRecord, _ step: InvocationRecord?) throws(Violation) {
    guard let answer = step?.answer else {
      return try require(
        record.sent.isEmpty, .messagesCommitted, "\(record.machine): a message of no answer")
    }
    var expected: [OutgoingMessage] = []
    for message in answer.action.send {
      if let name = message.name { expected.removeAll { $0.name == name } }
      expected.append(message)
    }
    let tags = record.sent.map { Tag.number(in: $0.pending.message.args) }
    let all = expected.map { Tag.number(in: $0.args) }
    // Of a machine that is removed only what is due is sent.
    let isSent =
      answer.action.remove ? tags.allSatisfy { tag in all.contains { $0 == tag } } : tags == all
    try require(
      isSent, .messagesOnce,
      "\(record.machine): sends \(tags.count) messages, its processor answered \(all.count)")
  }

  /// What an answer cancels, or sends another one in the place of, leaves the database with it.
  ///
  /// - Parameter over: What other records of the transaction say the end of: these have no name
  ///   that could be meant.
  func withdrawn(
    _ record: CommitRecord, _ step: InvocationRecord?, _ over: Set<MessageRef>
  ) throws(Violation) {
    guard let answer = step?.answer, record.forgotten == nil else { return }
    let names = Set(
      (answer.action.cancelMessages + answer.action.send.compactMap(\.name)).map { ExactText($0) })
    if names.isEmpty { return }
    for (ref, tag) in messageTags where ref.shard == record.shard && ref.machine == record.key {
      guard let message = messages[tag], let name = message.name, names.contains(name) else {
        continue
      }
      // Another one may have its name where somebody had it tried again.
      if message.isParked || message.isRetried || over.contains(ref) { continue }
      try require(
        record.takenOut.contains(ref.number), .messagesOnce,
        "\(record.machine): an answer cancels \"\(name.text)\", and it stays")
    }
  }

  /// A message leaves the database by its delivery: it has had its effect, or there is nobody left
  /// who could be shown that it has none.
  private func hadEffect(_ tag: UInt64, _ applied: AppliedRecord) throws(Violation) {
    let isThere = applied.before?.key == applied.record.key
    let mayBeThere = messages[tag]?.ignoresExisting ?? false
    try require(
      effects[tag] != nil || vanished.contains(tag) || mayBeThere || !isThere, .messagesOnce,
      "\(applied.record.machine): a message is taken for delivered, and had no effect")
  }
}

extension QueuedNotification.Origin {
  /// A message can never be delivered.
  var isReport: Bool {
    if case .undelivered = self { true } else { false }
  }
}

extension CommitRecord {
  /// Somebody drops or retries a message: nothing else becomes of the machine.
  var isOfMessage: Bool {
    guard case .update = row, sent.isEmpty else { return false }
    return !takenOut.isEmpty || postponed != nil
  }

  /// The message that is delivered no more after it, though no step took it out.
  var messageOver: MessageRef? {
    guard endsMessage, messageCounts.pending < 0 else { return nil }
    return (takenOut.first ?? postponed?.number).map {
      MessageRef(shard: shard, machine: key, number: $0)
    }
  }

  /// It is no step's: it says what became of a message.
  var endsMessage: Bool {
    switch row {
    case .keep, .requeue: !takenOut.isEmpty || postponed != nil
    case .insert, .update, .pause, .condemn, .delete: false
    }
  }
}
