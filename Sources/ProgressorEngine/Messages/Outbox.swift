import MachineModel

/// What memory knows of the messages that a machine has sent, beside their number: the names of
/// those that can still be delivered, so that the next of a name replaces the last.
struct Outbox {
  private var names: [ExactText: Int64] = [:]
  private var named: [Int64: ExactText] = [:]
  /// Those that the running step's record takes out, should it be written.
  private(set) var cancelling: Set<Int64> = []
  /// The running step's record takes out all that are due later, should it be written.
  private(set) var forgetting: Timestamp?
  /// What all this takes in memory.
  private(set) var bytes = 0

  /// About, of one name beside its text, in both tables.
  private static let entryBytes = 128

  /// The message that has the name; nil = none that can still be delivered.
  func number(of name: String) -> Int64? { names[ExactText(name)] }

  /// Takes over what was read.
  mutating func adopt(_ names: [MessageName]) {
    assert(self.names.isEmpty && cancelling.isEmpty, "what is known is not taken over")
    for name in names { insert(name.name, name.number) }
  }

  mutating func insert(_ name: String, _ number: Int64) {
    let name = ExactText(name)
    if let replaced = names.updateValue(number, forKey: name) {
      named[replaced] = nil
    } else {
      bytes += name.text.heapBytes + Self.entryBytes
    }
    named[number] = name
    assert(names.count == named.count, "a message has one name, and a name one message")
  }

  /// The message is pending no more, or nobody can cancel it by its name any more.
  mutating func remove(_ number: Int64) {
    guard let name = named.removeValue(forKey: number) else { return }
    names[name] = nil
    bytes -= name.text.heapBytes + Self.entryBytes
    assert(bytes >= 0, "more names went than came")
  }

  /// A record that takes these out, or all that are due later, is handed to its writer. Answers
  /// whether others were to be taken out by the record before it, which was not written.
  mutating func cancel(_ numbers: [Int64], dueAfter time: Timestamp? = nil) -> Bool {
    let wereOthers =
      !cancelling.subtracting(numbers).isEmpty || (forgetting != nil && forgetting != time)
    cancelling = Set(numbers)
    forgetting = time
    assert(cancelling.count == numbers.count, "each is taken out once")
    return wereOthers
  }

  /// The message may be in the database no more when it is delivered.
  func isLeaving(_ message: MessageRow) -> Bool {
    cancelling.contains(message.ref.number)
      || forgetting.map { message.pending.deliverAt > $0 } ?? false
  }

  /// The record that took them out is durable.
  mutating func cancelled() {
    for number in cancelling { remove(number) }
    cancelling = []
  }
}

/// What a step does to the messages of its machine.
struct Outgoing {
  /// In their order. They have numbers from when they are written on.
  var sent: [MessageRow] = []
  /// Pending ones that are not to be delivered, by number.
  var cancelled: [Int64] = []
  /// Those that could never be delivered and are not kept any more, by number.
  var dropped: [Int64] = []
  /// One that is tried now, and whether it could never be delivered before.
  var retried: PendingMessage?
  var wasParked = false

  var isEmpty: Bool {
    sent.isEmpty && cancelled.isEmpty && dropped.isEmpty && retried == nil
  }

  /// How many more are pending after it.
  var growth: Int { sent.count - cancelled.count + (retried != nil && wasParked ? 1 : 0) }

  /// How many more can never be delivered.
  var undelivered: Int { -dropped.count - (retried != nil && wasParked ? 1 : 0) }

  /// As the machine's row tells it.
  var difference: MessageDifference {
    MessageDifference(pending: Int32(clamping: growth), undelivered: Int32(clamping: undelivered))
  }
}

extension StepView {
  /// What an answer does to the messages of its machine, whose caller's metadata is `context`: what
  /// it cancels first, and what its own messages replace.
  ///
  /// - Parameter key: Of the machine as it is afterwards.
  func outgoing(_ action: Action, _ key: MachineKey, _ context: CallerContext) -> Outgoing {
    var outgoing = Outgoing()
    if action.send.isEmpty, action.cancelMessages.isEmpty { return outgoing }
    var gone: Set<Int64> = []
    for name in action.cancelMessages {
      if let number = pendingMessage(name), gone.insert(number).inserted {
        outgoing.cancelled.append(number)
      }
    }
    // Of one name the last is sent.
    var last: [ExactText: Int] = [:]
    for (index, message) in action.send.enumerated() {
      if let name = message.name { last[ExactText(name)] = index }
    }
    for (index, message) in action.send.enumerated() {
      if let name = message.name {
        if last[ExactText(name)] != index { continue }
        if let number = pendingMessage(name), gone.insert(number).inserted {
          outgoing.cancelled.append(number)
        }
      }
      outgoing.sent.append(row(of: message, key, context))
    }
    return outgoing
  }

  private func row(
    of message: OutgoingMessage, _ key: MachineKey, _ context: CallerContext
  ) -> MessageRow {
    var message = message
    if message.target.namespace.isEmpty { message.target.namespace = id.namespace }
    let deliverAt: Timestamp =
      switch message.when {
      case .atOnce: now.wall
      case .at(let time): time
      case .delay(let microseconds): now.wall.advanced(byMicroseconds: microseconds)
      }
    return MessageRow(
      ref: MessageRef(shard: shard, machine: key, number: 0), namespace: namespace, sender: id,
      pending: PendingMessage(
        number: 0, message: message, createdAt: now.wall, deliverAt: deliverAt,
        nextAttemptAt: deliverAt),
      context: context)
  }

  /// What is wrong with the messages of an answer, in words for its author; nil = nothing.
  func messageFault(_ answer: ProcessorAnswer) -> String? {
    let outgoing = outgoing(answer.action, MachineKey(0), CallerContext())
    if outgoing.sent.isEmpty { return nil }
    let held = Int(row?.pendingMessages ?? 0) + Int(row?.undeliveredMessages ?? 0)
    let limit = Int(settings.limits.messages ?? Limits.defaultMessages)
    guard held + outgoing.growth > limit else { return nil }
    return "action.send: the machine would have \(held + outgoing.growth) messages that are not "
      + "delivered, its namespace allows \(limit) (limits.messages)"
  }
}

extension OutgoingMessage {
  /// What is wrong with it, in words for its author; nil = nothing.
  func fault(_ limits: EngineConfiguration, _ now: Timestamp) -> String? {
    switch when {
    case .atOnce: nil
    case .at(let time):
      time > now.advanced(byMicroseconds: limits.maximumTimerDistance)
        ? "deliver_at: is more than 100 years ahead" : nil
    case .delay(let microseconds):
      microseconds < 0
        ? "delay: must not be negative"
        : microseconds > limits.maximumTimerDistance ? "delay: is more than 100 years" : nil
    }
  }
}
