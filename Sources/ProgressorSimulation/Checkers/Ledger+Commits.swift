import MachineModel
import ProgressorEngine

/// I1, I2, I5, I6, I7, I8 and I12 where a step becomes durable.
extension Ledger {
  /// A batch is in the database; throws what must not have been written. `concluded` is what
  /// `concluded(_:by:)` said when the batch was sent.
  mutating func applied(_ records: [AppliedRecord], concluded: [MachineID: Int])
    throws(Violation)
  {
    let over = Set(records.lazy.compactMap(\.record.messageOver))
    for record in records {
      let answered = concluded[record.record.machine]
      let step = try attribute(record, concluded: answered)
      // It failed the machine instead: its engine found it unusable.
      if step == nil, record.failsMachine, let answered { invocations[answered].isUnusable = true }
      try failedMachineRests(record, step)
      try timer(record, step)
      try notifications(record, step)
      try attempts(record)
      try keepsPrincipal(record, step)
      try traced(record, step)
      try withdrawn(record.record, step, over)
      try messages(record, step)
      if let step { try commit(step, record) }
      remember(record, step)
    }
  }

  /// The answers that the node heard last of a batch's machines.
  func concluded(_ records: [CommitRecord], by node: Int) -> [MachineID: Int] {
    var numbers: [MachineID: Int] = [:]
    for record in records {
      numbers[record.machine] = concluded[NodeMachine(node: node, machine: record.machine)]
    }
    return numbers
  }

  /// The invocation whose answer the record writes, nil = none does. Its tag stands in the events
  /// or the aux state; an answer without either is known as the last one that the node heard.
  private func attribute(_ applied: AppliedRecord, concluded: Int?)
    throws(Violation) -> InvocationRecord?
  {
    let record = applied.record
    var tags = Set(record.events.compactMap { Tag.number(in: $0.body.data) })
    switch record.row {
    case .insert(let row), .update(let row, auxChanged: true):
      if let tag = row.auxState.flatMap({ Tag.number(in: $0.data) }) { tags.insert(tag) }
    case .keep, .update, .pause, .requeue, .condemn, .delete: break
    }
    try require(tags.count < 2, .batchRules, "\(record.machine): a record of several steps")
    if let tag = tags.first {
      guard tag < UInt64(invocations.count) else {
        throw Violation(.batchRules, "\(record.machine): a record of no invocation")
      }
      return invocations[Int(tag)]
    }
    switch record.row {
    case .requeue, .pause, .condemn: return nil
    default: if record.dropped != nil || record.endsMessage { return nil }
    }
    guard let last = concluded.map({ invocations[$0] }), let answer = last.answer,
      !last.isCommitted, !last.isUnusable
    else { return nil }
    // Whether a machine may have so many messages, its engine alone knows: whose caller heard that
    // it may not, that answer is not written.
    if !answer.action.send.isEmpty, record.sent.isEmpty, let tag = last.tag, denied.contains(tag) {
      return nil
    }
    if answer.action.remove {
      switch (record.row, last.kind) {
      // Its engine gave the answer up, and the notification was dropped: a client removes it.
      case (.delete, .notification)
      where applied.head?.notificationID != last.notificationID && isToBeRemoved(record.machine):
        return nil
      // The same of a call whose key would have been written with it.
      case (.delete, _)
      where record.idempotency == nil && hasKey(last) && isToBeRemoved(record.machine):
        return nil
      case (.delete, _), (.keep, .start): return last
      default: return nil
      }
    }
    let hasTag = answer.change.auxState.map { !$0.isEmpty } ?? false
    guard answer.change.events.isEmpty, !hasTag else { return nil }
    switch (record.row, last.kind) {
    case (.insert, .start), (.keep, _): return last
    case (.update, .timeout), (.update, .repair):
      // The engine may have given the answer up. A SimpleRepair changes the same: no processor was
      // asked for it.
      if record.traced?.record.step.isEmpty == true { return nil }
      let wasFailed = applied.before?.failure != nil
      let goesOn =
        applied.after?.failure?.reason == answer.action.fail && applied.after?.timer?.retry == nil
      return goesOn && wasFailed == (last.kind == .repair) ? last : nil
    case (.update, .notification): return record.dequeued == nil ? nil : last
    default: return nil
    }
  }

  /// Whether somebody waits for the step under a key.
  private func hasKey(_ step: InvocationRecord) -> Bool {
    guard let tag = step.tag else { return false }
    return (watchers[step.machine] ?? []).contains { id in
      requests[id].map { $0.tag == tag && $0.key != nil } ?? false
    }
  }

  /// Whether a client asks for that.
  private func isToBeRemoved(_ machine: MachineID) -> Bool {
    (watchers[machine] ?? []).contains { id in
      if case .remove? = requests[id]?.operation { true } else { false }
    }
  }

  private mutating func commit(_ step: InvocationRecord, _ applied: AppliedRecord)
    throws(Violation)
  {
    let record = applied.record
    try require(
      step.machine == record.machine
        && (step.incarnation == nil || step.incarnation == record.key), .incarnations,
      "\(record.machine): an answer to an earlier machine of this name is written")
    try require(
      !step.isCommitted, .oneInvocation, "\(record.machine): an answer is written twice")
    guard let answer = step.answer else {
      throw Violation(.oneInvocation, "\(record.machine): an answer is written before it came")
    }
    try require(!step.isUnusable, .bounds, "\(record.machine): an unusable answer is written")
    try require(
      answer.action.remove || answer.change.events == record.events.map(\.body), .historyWithoutGap,
      "\(record.machine): the events written are not those answered")
    try require(
      answer.action.remove == (applied.after == nil) || record.row == .keep, .rowRules,
      "\(record.machine): the answer and the record differ on removal")
    invocations[step.number].isCommitted = true
    committed.append(step.number)
    committedSteps += 1
    switch step.kind {
    case .start, .call, .repair:
      try effect(of: step)
      try expected(step, applied.before)
    case .timeout:
      firedTimers += 1
      try fired(step, applied)
    case .notification:
      try require(
        applied.head?.notificationID == step.notificationID, .notificationsDelivered,
        "\(record.machine): the answer to another notification is written")
    case .dropNotification, .importMachine, .dropMessage, .retryMessage:
      throw Violation(.rowRules, "\(record.machine): a processor is asked for \(step.kind)")
    }
  }

  /// Who asked for the step expected the machine that it was applied to.
  private func expected(_ step: InvocationRecord, _ before: MachineRow?) throws(Violation) {
    guard let before, let tag = step.tag else { return }
    for id in watchers[step.machine] ?? [] {
      guard let request = requests[id], request.tag == tag, request.key == nil else { continue }
      try require(
        request.expected == nil || request.expected == before.lastEventID, .expectedMachine,
        "\(step.machine): a \(step.kind) for event \(request.expected ?? 0) is applied after "
          + "\(before.lastEventID)")
    }
  }

  private mutating func effect(of step: InvocationRecord) throws(Violation) {
    guard let tag = step.tag else { return }
    try require(
      effects[tag] == nil || Tag.isOfStart(tag), .oneEffectPerKey,
      "\(step.machine): a request has two effects")
    try require(
      !denied.contains(tag), .acknowledgedIsDurable,
      "\(step.machine): a \(step.kind) of \(tag) takes effect after an error that says it does not")
    effects[tag] = step.number
  }

  private mutating func fired(_ step: InvocationRecord, _ applied: AppliedRecord)
    throws(Violation)
  {
    let record = applied.record
    guard let serial = applied.before?.timer?.serial, serial == step.timerSerial else {
      throw Violation(.timersFireOnce, "\(record.machine): the timeout of a timer that is not set")
    }
    let incarnation = Incarnation(shard: record.shard, key: record.key)
    try require(
      incarnations[incarnation, default: .init()].fired.insert(serial).inserted, .timersFireOnce,
      "\(record.machine): timer \(serial) fires twice")
  }

  /// A failed machine changes only by repair, removal and acceptance; failing keeps what it had.
  private func failedMachineRests(_ applied: AppliedRecord, _ step: InvocationRecord?)
    throws(Violation)
  {
    let record = applied.record
    guard case .update(let row, _) = record.row, let before = applied.before else { return }
    try require(
      row.pause == before.pause && (before.pause == nil || step == nil), .pausedRests,
      "\(record.machine): a paused machine takes a step, or loses its pause by one")
    if record.dropped != nil || (record.isOfMessage && step == nil) {
      try require(
        row.failure == before.failure && row.timer == before.timer, .failedMachineRests,
        "\(record.machine): more than a notification or message is changed")
    } else if before.failure != nil {
      try require(
        record.dequeued == nil && row.failure?.reason == step?.answer?.action.fail,
        .failedMachineRests, "\(record.machine): a failed machine takes a step")
      try require(
        step == nil || step?.kind == .repair, .failedMachineRests,
        "\(record.machine): a failed machine is repaired by a \(step?.kind ?? .start)")
    } else if let reason = step?.answer?.action.fail {
      try require(
        row.failure?.reason == reason && row.failure?.stepKind == step?.kind, .failedMachineRests,
        "\(record.machine): works on though the processor failed it")
    } else if row.failure != nil {
      try require(
        record.events.isEmpty && record.dequeued == nil && row.auxState == before.auxState
          && row.timer?.serial == before.timer?.serial
          && row.timer?.firesAt == before.timer?.firesAt, .failedMachineRests,
        "\(record.machine): a machine loses something by failing")
    }
  }

  /// A timer changes only by an answer that says so, and as it says.
  private mutating func timer(_ applied: AppliedRecord, _ step: InvocationRecord?)
    throws(Violation)
  {
    guard let after = applied.after else { return }
    let before = applied.before?.timer
    let incarnation = Incarnation(shard: after.shard, key: after.key)
    let machine = after.machine
    if let serial = after.timer?.serial, serial != before?.serial {
      let last = incarnations[incarnation]?.lastSerial ?? 0
      try require(
        serial > last, .timersFireOnce, "\(machine): timer \(serial) is set after \(last)")
      incarnations[incarnation, default: .init()].lastSerial = serial
    }
    guard let answer = step?.answer else {
      return try require(
        before?.serial == after.timer?.serial && before?.firesAt == after.timer?.firesAt,
        .timersFireOnce, "\(machine): a timer changes by itself")
    }
    switch answer.action.timer {
    case .set(let setting):
      try require(
        after.timer != nil && after.timer?.serial != before?.serial, .timersFireOnce,
        "\(machine): a timer that was to be set is not")
      if case .deadline(let deadline) = setting.when {
        try require(
          after.timer?.firesAt == deadline, .timersFireOnce, "\(machine): a timer at another time")
      }
    case .unset:
      try require(after.timer == nil, .timersFireOnce, "\(machine): a timer is not unset")
    case nil:
      let expected = step?.kind == .timeout ? nil : before?.serial
      try require(
        after.timer?.serial == expected, .timersFireOnce, "\(machine): a timer is not as it was")
    }
  }

  private mutating func notifications(_ applied: AppliedRecord, _ step: InvocationRecord?)
    throws(Violation)
  {
    let record = applied.record
    let incarnation = Incarnation(shard: record.shard, key: record.key)
    for notification in record.enqueued {
      let last = incarnations[incarnation]?.lastSequence ?? 0
      try require(
        notification.sequence > last, .notificationsDelivered,
        "\(record.machine): notification \(notification.sequence) is accepted after \(last)")
      incarnations[incarnation, default: .init()].lastSequence = notification.sequence
      try require(
        accepted[notification.notificationID] == nil, .notificationsDelivered,
        "\(record.machine): two notifications are called \(notification.notificationID)")
      let tag = Tag.number(in: notification.args)
      if let tag, !notification.origin.isReport {
        try require(
          !denied.contains(tag), .acknowledgedIsDurable,
          "\(record.machine): a notification is accepted after an error that says it is not")
        try require(
          effects.updateValue(-1, forKey: tag) == nil, .oneEffectPerKey,
          "\(record.machine): a notification is accepted twice")
      }
      accepted[notification.notificationID] = AcceptedNotification(
        tag: tag, machine: record.machine, incarnation: incarnation,
        sequence: notification.sequence)
    }
    if let dropped = record.dropped {
      let one = applied.previous?.notifications.first { $0.sequence == dropped.sequence }
      if let id = one?.notificationID { accepted[id]?.isDropped = true }
      droppedNotifications += 1
    }
    guard record.dequeued != nil else { return }
    try require(
      step?.kind == .notification, .notificationsDelivered,
      "\(record.machine): a notification is dropped and no processor saw it")
    if let id = applied.head?.notificationID {
      try require(
        accepted[id]?.isDropped != true, .notificationsDelivered,
        "\(record.machine): \(id) is delivered, and was dropped")
      accepted[id]?.isDelivered = true
    }
    deliveredNotifications += 1
  }

  /// Whose reply a key remembers from now on.
  private mutating func remember(_ applied: AppliedRecord, _ step: InvocationRecord?) {
    guard let row = applied.record.idempotency else { return }
    var tag = step?.tag
    switch row.reply {
    case .called(let response), .repaired(let response):
      if let number = Tag.number(in: response), number < UInt64(invocations.count) {
        tag = invocations[Int(number)].tag
      }
    case .notified(let id): tag = accepted[id]?.tag
    case .started: break
    }
    guard let tag else { return }
    keys[KeyName(machine: applied.record.machine, key: row.key)] = RememberedReply(
      tag: tag, reply: row.reply)
  }

  /// Everyone who waits for something on the machine has seen this state of it.
  mutating func becomes(_ machine: MachineID, _ stored: StoredMachine?, by applied: AppliedRecord) {
    revised(machine)
    guard let ids = watchers[machine] else { return }
    let state = Revised(number: revision(of: machine), machine: stored)
    for id in ids {
      requests[id]?.sees(state)
      if case .delete = applied.record.row { requests[id]?.sawDeletion = true }
      if let before = applied.before?.failure, let after = applied.after, after.failure != before {
        requests[id]?.sawRepair = true
      }
    }
  }
}
