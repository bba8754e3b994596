import MachineModel

/// What became of a message, as it is written.
enum MessageEnd {
  /// It has had its effect, or nobody is left to be shown that it never will.
  case gone(MessageRef)
  /// It is tried again, or never.
  case postponed(MessageRef, PendingMessage)

  var message: MessageRef {
    switch self {
    case .gone(let message), .postponed(let message, _): message
    }
  }
}

/// Messages on their way: from the database to the engine of their target, through the ordinary
/// door, and what became of them back into the database.
///
/// Nothing is sent before it is committed (I14), and what is sent is repeated under one key until
/// it is known to have had its effect (I13).
extension Engine {
  /// What a step that is durable now has done to the messages of its machine, which had this key.
  mutating func outgoing(_ messages: Outgoing, _ machine: ResidentMachine, _ key: MachineKey) {
    guard !messages.isEmpty else { return }
    assert(!machine.isDropped, "what a step did is applied to its machine")
    machine.outbox.cancelled()
    for number in messages.cancelled {
      self.messages.cancelled(
        MessageRef(shard: machine.shard.id, machine: key, number: number), now)
    }
    if let message = messages.retried {
      if let name = message.message.name, machine.outbox.number(of: name) == nil {
        machine.outbox.insert(name, message.number)
      }
      retry(message, MessageRef(shard: machine.shard.id, machine: key, number: message.number))
    }
    for message in messages.sent {
      if machine.row != nil, let name = message.pending.message.name {
        machine.outbox.insert(name, message.ref.number)
      }
      sent(message)
    }
  }

  private mutating func retry(_ message: PendingMessage, _ ref: MessageRef) {
    assert(ref.number == message.number, "what is retried is the step's message")
    // It may have been tried meanwhile, by itself: that goes on.
    if messages.isUnderWay(ref) { return }
    messages.cancelled(ref, now)
    messages.place(
      ScheduledMessage(ref, to: message.message.target, at: message.deliverAt), due: now.wall,
      row: nil, now)
  }

  /// The message is in the database.
  mutating func sent(_ row: MessageRow) {
    assert(ownership.holds(row.ref.shard), "who sends is of a shard that is owned")
    counts.messagesSent += 1
    messages.place(
      ScheduledMessage(row.ref, to: row.target, at: row.pending.deliverAt),
      due: row.pending.deliverAt, row: row, now)
  }

  /// Delivers what is due, and reads what will be. A part of the end of each turn.
  mutating func deliverMessages() {
    messages.takeDue(now)
    guard circumstances.mayAct else { return }
    var unread: [MessageRef] = []
    while !circumstances.isDelayed, let (message, row) = messages.next(now) {
      if let row, isStillThere(row) {
        deliver(row)
      } else {
        messages.forgetRow(of: message)
        unread.append(message)
      }
    }
    for start in stride(from: 0, to: unread.count, by: MessageLoad.maximumCount) {
      let end = min(start + MessageLoad.maximumCount, unread.count)
      let load = MessageLoad(id: LoadID(nextNumber()), messages: Array(unread[start..<end]))
      messageLoads[load.id] = load.messages
      effects.append(.loadMessages(load))
    }
    if messages.isTimeToRead(now) {
      effects.append(.readMessages(messages.beginRead(nextNumber(), now)))
    }
  }

  /// A look ahead was answered. A shard that was lost meanwhile may be among those that were looked
  /// at: what is due of it is another's.
  mutating func messagesDue(_ query: MessageQuery, _ result: Result<MessagePage, ReadFailure>) {
    var page = try? result.get()
    page?.messages.removeAll { !ownership.holds($0.ref.shard) }
    messages.takeRead(query, page, now)
  }

  mutating func messagesLoaded(_ id: LoadID, _ result: Result<LoadedMessages, ReadFailure>) {
    // An answer may come twice.
    guard let asked = messageLoads.removeValue(forKey: id) else { return }
    guard case .success(let loaded) = result else {
      for message in asked { lookAgain(message) }
      return
    }
    // The time of an earlier one of a pair may have come just now.
    messages.takeDue(now)
    var rest = Set(asked)
    for row in loaded.messages where rest.remove(row.ref) != nil {
      if removals.took(row, from: id) {
        messages.ended(row.ref, now)
      } else if messages.read(row) {
        deliver(row)
      }
    }
    for message in loaded.deferred where rest.remove(message) != nil {
      messages.postponed(message, until: now.wall, now)
    }
    for message in loaded.unreadable where rest.remove(message) != nil {
      messages.postponed(
        message, until: now.wall.advanced(byMicroseconds: DamagePauses.longest), now)
    }
    // They were delivered before, by who had the shard, or cancelled.
    for message in asked where rest.contains(message) { messages.ended(message, now) }
    if !removals.isEmpty {
      removals.forget(before: messageLoads.keys.min { $0.number < $1.number })
    }
    assert(rest.count <= asked.count, "no more is missing than was asked for")
  }

  /// The message is tried again in a while, as it is.
  mutating func lookAgain(_ message: MessageRef) {
    messages.postponed(
      message, until: now.wall.advanced(byMicroseconds: Engine.shortPause), now)
  }

  /// Whether what is in memory of a message that is due is so in the database. Its machine takes
  /// along, when it is removed, what has a time of its own.
  private func isStillThere(_ row: MessageRow) -> Bool {
    row.pending.isDueAtOnce || residency[row.sender]?.row?.key == row.ref.machine
  }

  private mutating func deliver(_ row: MessageRow) {
    // While it was read, the time of an earlier one may have come, or this node have slept.
    guard circumstances.mayAct, messages.isFirst(row.ref, now) else { return lookAgain(row.ref) }
    // A step that sends it may be in the database before anybody here knows.
    if let sender = residency[row.sender],
      sender.outbox.isLeaving(row) || sender.running?.isSending(row.ref) == true
    {
      return lookAgain(row.ref)
    }
    let id = DeliveryID(nextNumber())
    deliveries[id] = row.ref
    messages.began(row.ref, id)
    let timeout = namespaces[row.target.namespace]?.processorTimeout ?? 0
    effects.append(
      .deliver(
        Delivery(
          id: id, target: row.target, operation: row.operation, context: row.context,
          sender: row.sender,
          patience: max(Engine.deliveryPatience, timeout.saturatingAdd(Engine.shortPause)))))
  }

  /// How long the reply to a message is waited for at least, in microseconds.
  private static let deliveryPatience: Int64 = 30_000_000

  mutating func delivered(_ id: DeliveryID, _ reply: Reply) {
    // An answer may come twice, or after the shard was lost, or when it is delivered once more.
    guard let message = deliveries.removeValue(forKey: id),
      messages.isUnderWay(message, by: id), let row = messages.row(of: message)
    else { return }
    guard let shard = ownership.shard(of: row.sender),
      let namespace = namespaces[row.sender.namespace], namespace.number == row.namespace
    else {
      // Its namespace is gone, and with it the message.
      return messages.ended(message, now)
    }
    let machine = machine(row.sender, shard, namespace)
    let verdict = DeliveryVerdict(reply, to: row.pending)
    if machine.isUnknown {
      // What is read of a machine while something of it is being written may have that, or not.
      let load = LoadRequest(
        id: LoadID(nextNumber()), shard: machine.shard.id, namespace: machine.namespace.number,
        machine: machine.id, row: true, notificationsAfter: 0)
      send(load, for: .message(machine, row.ref, verdict))
    } else {
      conclude(row, verdict, machine)
    }
    becameIdle(machine)
  }

  /// The sender was read, of whose message it is known what became of it.
  mutating func senderLoaded(
    _ machine: ResidentMachine, _ message: MessageRef, _ verdict: DeliveryVerdict,
    _ result: Result<Loaded, ReadFailure>
  ) {
    // Its shard was lost, or it was taken out, meanwhile.
    guard messages.isUnderWay(message), let row = messages.row(of: message) else { return }
    guard case .success(let loaded) = result, loaded.damage == nil else {
      // It is delivered once more, to no effect.
      let pause = max(pause(after: result, machine), Engine.longPause)
      return messages.postponed(message, until: now.wall.advanced(byMicroseconds: pause), now)
    }
    assert(!machine.isUnknown, "what was read is known")
    conclude(row, verdict, machine)
  }

  /// Before what was read in vain is tried again, in microseconds.
  private static let longPause: Int64 = 5_000_000

  private mutating func conclude(
    _ row: MessageRow, _ verdict: DeliveryVerdict, _ machine: ResidentMachine
  ) {
    if machine.outbox.cancelling.contains(row.ref.number) {
      return messages.ended(row.ref, now)
    }
    switch verdict {
    case .delivered:
      counts.messagesDelivered += 1
      let time = max(row.pending.deliverAt, row.pending.createdAt)
      let lateness = now.wall.microseconds.saturatingAdd(-time.microseconds)
      counts.messageLateness.add(min(max(0, lateness), Engine.maximumLateness))
      settle(row, as: .gone(row.ref), machine)
    case .again(let error): tryAgain(row, error, machine)
    case .never(let error): giveUp(row, error, machine)
    }
  }

  private mutating func tryAgain(
    _ row: MessageRow, _ error: ProgressorError, _ machine: ResidentMachine
  ) {
    counts.messagesRetried += 1
    let next = row.pending.retried(after: error, at: now.wall, random: jitter.fraction())
    assert(next.nextAttemptAt != nil, "what is tried again has its time")
    settle(row, as: .postponed(row.ref, next), machine)
  }

  private mutating func giveUp(
    _ row: MessageRow, _ error: ProgressorError, _ machine: ResidentMachine
  ) {
    guard !machine.isDropped, !isRemoving(machine) else { return lookAgain(row.ref) }
    guard machine.row?.key == row.ref.machine else {
      // Who sent it is gone: there is nobody to be told.
      return settle(row, as: .gone(row.ref), machine)
    }
    settle(row, as: .postponed(row.ref, row.pending.givenUp(after: error)), machine, error)
  }
}

/// Writing down what became of messages.
extension Engine {
  /// - Parameter error: Why it can never be delivered, which its sender may want to hear.
  private mutating func settle(
    _ row: MessageRow, as end: MessageEnd, _ machine: ResidentMachine,
    _ error: ProgressorError? = nil
  ) {
    var record = CommitRecord(
      shard: machine.shard.id, namespace: machine.namespace.number, machine: machine.id,
      key: row.ref.machine)
    switch end {
    case .gone:
      record.takenOut = [row.ref.number]
      record.messageCounts.pending = -1
    case .postponed(_, let next):
      record.postponed = next
      if next.nextAttemptAt == nil {
        record.messageCounts = MessageDifference(pending: -1, undelivered: 1)
      }
    }
    if let error, row.pending.message.reportsFailure {
      // It has its place in the queue as any notification.
      guard
        machine.notifications.count + machine.enqueuesInFlight
          < machine.namespace.notificationLimit
      else { return tryAgain(row, error, machine) }
      guard let report = report(row, error, machine) else { return lookAgain(row.ref) }
      record.enqueued = [report]
      record.row = .requeue(due: machine.hasQueue ? nil : now.wall)
      machine.enqueueBegan(report.sequence)
    }
    if configuration.namesCauses { record.cause = row.context }
    assert(record.messageCounts.pending <= 0, "what becomes of a message sends none")
    // Nobody can cancel it any more, were it to be tried again.
    if record.messageCounts.pending < 0, machine.row?.key == row.ref.machine {
      machine.outbox.remove(row.ref.number)
    }
    machine.settles(row.ref)
    residency.becameBusy(machine)
    writers[machine.shard].add(record, from: .message(machine, end))
  }

  /// The notification by which the sender hears that a message can never be delivered; nil = there
  /// is no number for it.
  private func report(
    _ row: MessageRow, _ error: ProgressorError, _ machine: ResidentMachine
  ) -> QueuedNotification? {
    guard let sequence = machine.shard.nextSerial() else { return nil }
    let message = row.pending.message
    return QueuedNotification(
      sequence: sequence,
      notificationID: QueuedNotification.id(ofSequence: sequence, in: machine.shard.id),
      args: message.args, historyRange: nil, context: row.context, acceptedAt: now.wall,
      origin: .undelivered(
        target: message.target, name: message.name ?? "", code: error.code.rawValue,
        reason: error.reason.rawValue))
  }

  /// What became of a message is durable.
  mutating func settled(_ end: MessageEnd, _ record: CommitRecord, _ machine: ResidentMachine) {
    assert(!machine.isDropped && record.machine == machine.id, "a record is its machine's")
    if record.messageCounts.undelivered > 0 { counts.messagesUndelivered += 1 }
    // What was let go with its machine may be durable all the same.
    _ = machine.settled(end.message)
    machine.running?.messageChanged(end.message.number)
    for report in record.enqueued { machine.enqueueEnded(report) }
    if machine.row?.key == record.key,
      let row = machine.changed(record.enqueued, record.requeued, record.messageCounts)
    {
      residency.charge(machine)
      let isShown = record.messageCounts != MessageDifference() || !record.enqueued.isEmpty
      if isShown { waits.changed(machine, row) }
    }
    outlived(end)
    if !record.enqueued.isEmpty { becomeDue(machine) }
    becameIdle(machine)
  }

  /// What became of a message cannot be written: it is delivered once more, to no effect.
  mutating func unsettled(_ end: MessageEnd, _ record: CommitRecord, _ machine: ResidentMachine) {
    guard machine.settled(end.message) else {
      return assertionFailure("what cannot be written was being written")
    }
    for report in record.enqueued { machine.enqueueEnded(report) }
    // It can be cancelled again.
    if record.messageCounts.pending < 0, machine.row?.key == record.key,
      let name = messages.row(of: end.message)?.pending.message.name,
      machine.outbox.number(of: name) == nil
    {
      machine.outbox.insert(name, end.message.number)
    }
    lookAgain(end.message)
    becameIdle(machine)
  }

  /// What became of a message is durable, and its machine is not in memory any more.
  mutating func outlived(_ end: MessageEnd) {
    if case .postponed(let message, let next) = end, let time = next.nextAttemptAt {
      messages.postponed(message, until: time, now)
    } else {
      messages.ended(end.message, now)
    }
  }

  /// The machine leaves memory, and with it what was to be written of its messages; but for what is
  /// on its way.
  mutating func abandonMessages(_ machine: ResidentMachine) {
    if machine.settling.isEmpty { return }
    let onTheirWay = Set(writers[machine.shard].messagesInFlight(of: machine))
    for message in machine.takeSettling() where !onTheirWay.contains(message) {
      lookAgain(message)
    }
  }

  /// These were on their way to the database, and are not there: of machines that are not in memory
  /// any more the messages are looked at again.
  mutating func abandonMessages(in entries: [GroupCommit.Pending]) {
    for entry in entries where entry.machine.isDropped {
      if case .message(_, let end) = entry.origin { lookAgain(end.message) }
    }
  }
}
