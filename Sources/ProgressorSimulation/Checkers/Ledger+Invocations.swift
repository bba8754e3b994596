import MachineModel
import ProgressorEngine

/// I1, I6 and I7 where a step begins, the lease, and the truth of what a processor is shown.
extension Ledger {
  /// The engine calls a processor. Returns the invocation's number.
  mutating func invoked(
    _ invocation: Invocation, by node: NodeView, now: Moment, stored: StoredMachine?
  ) throws(Violation) -> Int {
    let machine = invocation.machine.machineID
    try require(
      now.uptime < node.trustedUntil, .leaseRespected,
      "\(machine): an invocation at \(now.uptime), the lease ended at \(node.trustedUntil)")
    try require(
      node.epoch == invocation.epoch, .leaseRespected,
      "\(machine): an invocation under epoch \(invocation.epoch), the shard's is "
        + "\(node.epoch.map(String.init) ?? "another node's")")
    let place = NodeMachine(node: node.number, machine: machine)
    if let other = active[place] {
      let other = invocations[other]
      try require(
        other.epoch != invocation.epoch || other.deadline <= now.uptime, .oneInvocation,
        "\(machine): step \(invocation.step.number) begins, \(other.step.number) is under way")
      ended(other.number)
    }
    try require(
      postponed[place] != invocation.epoch, .answersAreKept,
      "\(machine): step \(invocation.step.number) begins, and an answer waits to be written")
    let record = record(invocation, node, stored)
    if node.isOwner {
      try shown(invocation, node, stored)
      try carriesPrincipal(invocation, record, stored)
      try begins(record, now: now)
    }
    invocations.append(record)
    active[place] = record.number
    concluded[place] = nil
    callsInFlight[NodeNamespace(node: node.number, namespace: record.namespace), default: 0] += 1
    return record.number
  }

  private func record(_ invocation: Invocation, _ node: NodeView, _ stored: StoredMachine?)
    -> InvocationRecord
  {
    var tag: UInt64?
    var notificationID: String?
    let kind: StepKind
    switch invocation.stimulus {
    case .signal(.initialize(let args)): (kind, tag) = (.start, Tag.number(in: args))
    case .signal(.timeout): kind = .timeout
    case .signal(.notification(_, let id, _)): (kind, notificationID) = (.notification, id)
    case .signal(.undelivered):
      (kind, notificationID) = (.notification, stored?.notifications.first?.notificationID)
    case .call(let args, _): (kind, tag) = (.call, Tag.number(in: args))
    case .repair(let args, _): (kind, tag) = (.repair, Tag.number(in: args))
    }
    return InvocationRecord(
      number: invocations.count, node: node.number, life: node.life, identity: node.identity,
      epoch: invocation.epoch, machine: invocation.machine.machineID,
      namespace: invocation.namespace, step: invocation.step, attempt: invocation.attempt,
      kind: kind, tag: tag, notificationID: notificationID,
      incarnation: kind == .start ? nil : stored?.row.key, timerSerial: stored?.row.timer?.serial,
      principal: invocation.context.principal, deadline: invocation.deadline)
  }

  /// A processor is shown the machine as the database has it, and only for a step that is due.
  private func shown(_ invocation: Invocation, _ node: NodeView, _ stored: StoredMachine?)
    throws(Violation)
  {
    let machine = invocation.machine
    if case .signal(.initialize) = invocation.stimulus {
      return try require(
        stored == nil, .truthfulReads, "\(machine.machineID): started, and exists")
    }
    guard let stored else {
      throw Violation(.incarnations, "\(machine.machineID): an invocation, and no machine")
    }
    try isNext(invocation, stored)
    try require(
      stored.row.pause == nil, .pausedRests, "\(machine.machineID): a step, and it is paused")
    try require(
      machine.lastEventID == stored.row.lastEventID && machine.auxState == stored.row.auxState
        && machine.createdAt == stored.row.createdAt
        && machine.history == stored.select(machine.historyRange), .truthfulReads,
      "\(machine.machineID): the processor is shown event \(machine.lastEventID) "
        + "\(machine.history.map(\.id)) of \(machine.historyRange), the database has "
        + "\(stored.row.summary), \(stored.select(machine.historyRange).map(\.id))")
    var timer = stored.row.timer?.firesAt
    switch invocation.stimulus {
    case .repair:
      try require(
        stored.row.failure != nil, .failedMachineRests, "\(machine.machineID): repaired, and works")
    case .signal(.timeout):
      timer = nil
      try isDue(stored.row.timer?.due, node, "the timer of \(machine.machineID)")
    case .signal(.notification(_, let id, _)):
      try require(
        stored.notifications.first?.notificationID == id, .notificationsDelivered,
        "\(machine.machineID): \(id) is delivered, the queue's head is another")
      let retry = stored.notifications.first?.retry?.nextAttemptAt
      try isDue(retry ?? .earliest, node, "the notification of \(machine.machineID)")
    case .signal(.undelivered(let message)):
      let head = stored.notifications.first
      try require(
        head?.origin.isReport == true && head?.args == message.args, .notificationsDelivered,
        "\(machine.machineID): a report comes, the queue's head is another")
      try isDue(
        head?.retry?.nextAttemptAt ?? .earliest, node,
        "the report to \(machine.machineID)")
    case .signal(.initialize), .call: break
    }
    if case .repair = invocation.stimulus {
    } else {
      try require(
        stored.row.failure == nil, .failedMachineRests, "\(machine.machineID): a step, and failed")
    }
    try require(
      machine.timer == timer, .truthfulReads,
      "\(machine.machineID): the processor sees a wrong timer")
  }

  private func isDue(_ due: Timestamp?, _ node: NodeView, _ what: String) throws(Violation) {
    guard let due else { throw Violation(.timersFireOnce, "\(what) fires, and is not set") }
    try require(
      due <= node.latestWall, .timersFireOnce,
      "\(what) runs at \(node.latestWall.microseconds), before its time \(due.microseconds)")
  }

  /// A request begins its step only while somebody waits for it.
  private func begins(_ record: InvocationRecord, now: Moment) throws(Violation) {
    guard let tag = record.tag, !Tag.isOfMessage(tag) else { return }
    let waiting = (watchers[record.machine] ?? []).contains { id in
      guard let request = requests[id] else { return false }
      return (request.tag == tag || Tag.start(before: request.tag) == tag)
        && request.deadline > now.uptime
    }
    try require(
      waiting, .droppedRequests,
      "\(record.machine): a \(record.kind) begins, nobody waits for it")
  }

  /// The engine heard how an invocation ended, or its time is over.
  mutating func ended(_ number: Int) {
    guard !invocations[number].isEnded else { return }
    invocations[number].isEnded = true
    let record = invocations[number]
    let place = NodeMachine(node: record.node, machine: record.machine)
    if active[place] == number { active[place] = nil }
    release(number)
  }

  /// The engine gave the shards up, and with them what it waited for.
  mutating func abandoned(_ shards: Set<ShardID>, of count: Int32, by node: Int) {
    for (place, number) in active
    where place.node == node && shards.contains(ShardID(of: place.machine, shards: count)) {
      ended(number)
    }
    for place in beingWritten.keys
    where place.node == node && shards.contains(ShardID(of: place.machine, shards: count)) {
      written(place)
    }
    aside = aside.filter { place in
      place.node != node || !shards.contains(ShardID(of: place.machine, shards: count))
    }
    for place in concluded.keys
    where place.node == node && shards.contains(ShardID(of: place.machine, shards: count)) {
      concluded[place] = nil
    }
    for place in postponed.keys
    where place.node == node && shards.contains(ShardID(of: place.machine, shards: count)) {
      postponed[place] = nil
    }
  }

  mutating func answered(_ number: Int, _ outcome: ProcessorOutcome) {
    let record = invocations[number]
    guard !record.isEnded else { return }
    ended(number)
    guard case .answered(let answer) = outcome else { return }
    invocations[number].answer = answer
    if record.kind == .start, answer.action.remove, let tag = record.tag { vanished.insert(tag) }
    concluded[NodeMachine(node: record.node, machine: record.machine)] = number
  }
}
