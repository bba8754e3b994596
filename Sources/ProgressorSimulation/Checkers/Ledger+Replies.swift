import MachineModel
import ProgressorEngine

/// I2 and I8 where a client hears something, one reply for each request, and errors that are true.
extension Ledger {
  /// A client sends a request. Beside the state that is stored, an earlier one counts whose change
  /// the engine has not heard of yet: nobody else has either.
  mutating func sent(
    _ request: ClientRequest, stored: StoredMachine?, earlier: [Revised] = []
  ) {
    var request = request
    request.sees(Revised(number: revision(of: request.machine), machine: stored))
    request.floor = floor(of: request.machine)
    request.newestRecord = stored?.trace.last?.sequence ?? 0
    for state in earlier { request.sees(state) }
    request.remembered = request.key.flatMap {
      keys[KeyName(machine: request.machine, key: $0)]
    }
    requests[request.id] = request
    watchers[request.machine, default: []].append(request.id)
  }

  /// The engine has been told that the client went away: nobody hears the reply, but it arises.
  mutating func cancelled(_ id: RequestID) { requests[id]?.isExcused = true }

  /// The engine answers.
  mutating func replied(_ id: RequestID, _ reply: Reply, by node: NodeView, now: Moment)
    throws(Violation)
  {
    guard let request = requests[id] else {
      throw Violation(.oneReply, "request \(id.number) is answered and does not wait")
    }
    try require(
      request.isHandled, .oneReply, "request \(id.number) is answered before it was heard")
    if !request.isExcused { try isTrue(reply, to: request, by: node, now: now) }
    answeredRequests += 1
    forget(id)
  }

  private mutating func isTrue(
    _ reply: Reply, to request: ClientRequest, by node: NodeView, now: Moment
  ) throws(Violation) {
    switch reply {
    case .error(let error):
      try toldRefusal(request, error)
      try failed(request, error, now: now)
    case .machine(let machine):
      try require(
        now.uptime < node.trustedUntil, .leaseRespected,
        "\(request.machine): read at \(now.uptime), the lease ended at \(node.trustedUntil)")
      if !request.maySeePast { try read(request, machine, now: now) }
    case .watched(let machine, let mark):
      try require(
        now.uptime < node.trustedUntil, .leaseRespected,
        "\(request.machine): watched at \(now.uptime), the lease ended at \(node.trustedUntil)")
      if !request.maySeePast { try watched(request, machine, mark, now: now) }
    case .listed(let machines, let last): try listed(request, machines, last: last)
    case .traced(let steps, let next): try traced(request, steps, next: next)
    case .notifications(let page): try listed(request, page)
    case .counted(let counts):
      try require(
        counts.map(\.status.rawValue) == Array(0...StatusFilter.late.rawValue), .truthfulReads,
        "a count of \(counts.map(\.status))")
    case .messages: break
    case .started, .called, .notified, .repaired, .done, .quiet:
      try succeeded(request, reply)
    }
  }

  /// An OK reply tells what the database has.
  private func succeeded(_ request: ClientRequest, _ reply: Reply) throws(Violation) {
    let what = "\(request.machine): \(request.operation.name) \(request.id.number)"
    if let key = request.key {
      guard let known = keys[KeyName(machine: request.machine, key: key)] else {
        throw Violation(.oneEffectPerKey, "\(what) answers OK, its key remembers nothing")
      }
      try require(
        known.tag == request.tag, .oneEffectPerKey,
        "\(what) answers OK, its key belongs to other arguments")
      try require(
        known.reply.reply == reply, .oneEffectPerKey, "\(what) answers otherwise than before")
      return
    }
    switch (request.operation, reply) {
    case (.start, .started):
      try require(
        effects[request.tag] != nil || vanished.contains(request.tag), .acknowledgedIsDurable,
        "\(what) answers OK, nothing started")
    case (.call, .called(let response)), (.startOrCall, .called(let response)):
      try answered(request, response, .call, what)
    case (.repair, .repaired(let response)):
      try answered(request, response, .repair, what)
      try require(
        request.sawRepair || request.sawDeletion, .acknowledgedIsDurable,
        "\(what) answers OK, nothing repaired")
    case (.notify, .notified(let id)), (.startOrNotify, .notified(let id)):
      try require(
        accepted[id]?.tag == request.tag, .acknowledgedIsDurable,
        "\(what) answers OK, its notification is not in the database")
    case (.simpleRepair, .simplyRepaired):
      try require(request.sawRepair, .acknowledgedIsDurable, "\(what) answers OK, nothing repaired")
    case (.remove, .removed):
      try require(
        request.sawDeletion, .acknowledgedIsDurable, "\(what) answers OK, nothing is removed")
    case (.pause, .paused):
      try require(
        request.sawPaused, .acknowledgedIsDurable, "\(what) answers OK, and is not paused")
    case (.resume, .resumed):
      try require(
        request.sawUnpaused || request.maySeePast, .acknowledgedIsDurable,
        "\(what) answers OK, and is paused")
    case (.dropNotification(let id), .notificationDropped):
      try require(
        request.sawNotQueued && accepted[id]?.isDropped == true, .acknowledgedIsDurable,
        "\(what) answers OK, and \(id) is queued")
    case (.dropMessage(let number), .messageDropped):
      try require(
        !hasMessage(number, of: request.machine), .acknowledgedIsDurable,
        "\(what) answers OK, and message \(number) is there")
    case (.retryMessage, .messageRetried): break
    case (.awaitQuiet, .quiet): break
    default: throw Violation(.oneReply, "\(what) gets the reply to another operation")
    }
  }

  /// The response is what a processor answered to this very request, and is durable unless it
  /// changes nothing.
  private func answered(
    _ request: ClientRequest, _ response: [UInt8], _ kind: StepKind, _ what: String
  ) throws(Violation) {
    guard let number = Tag.number(in: response), number < UInt64(invocations.count) else {
      throw Violation(.acknowledgedIsDurable, "\(what) answers what no processor said")
    }
    let step = invocations[Int(number)]
    try require(
      step.tag == request.tag && step.kind == kind && step.machine == request.machine,
      .acknowledgedIsDurable, "\(what) answers what the processor said to another request")
    guard let answer = step.answer else {
      throw Violation(.acknowledgedIsDurable, "\(what) answers before the processor did")
    }
    let changes = !answer.action.isEmpty || answer.change != StateChange()
    try require(
      step.isCommitted || !changes, .acknowledgedIsDurable,
      "\(what) answers OK, its effects are not in the database")
  }

  /// An error hides no commit, but for those whose outcome is unknown by contract; it tells a state
  /// that the machine was in since the request was sent.
  private mutating func failed(_ request: ClientRequest, _ error: ProgressorError, now: Moment)
    throws(Violation)
  {
    let what = "\(request.machine): \(request.operation.name) \(request.id.number) fails with "
    if error.reason == .machinePaused, !request.maySeePast {
      try require(request.sawPaused, .truthfulErrors, "\(what)\(error), which was not so")
    }
    switch error.code {
    case .deadlineExceeded:
      return try require(
        now.uptime >= request.deadline, .truthfulErrors, "\(what)\(error.code) before its deadline")
    case .cancelled, .unavailable: return
    default: break
    }
    if request.key == nil {
      try require(
        effects[request.tag] == nil, .acknowledgedIsDurable, "\(what)\(error), and took effect")
      denied.insert(request.tag)
      if error.reason == .startFailed {
        let start = Tag.start(before: request.tag)
        try require(
          effects[start] == nil, .acknowledgedIsDurable, "\(what)\(error), and it is started")
        denied.insert(start)
      }
    } else if let remembered = request.remembered, error.code != .resourceExhausted,
      ![.storageRefused, .dataDamaged, .namespaceNotFound].contains(error.reason)
    {
      try require(
        remembered.tag != request.tag && error.code == .invalidArgument, .oneEffectPerKey,
        "\(what)\(error), its key remembers a reply")
    }
    let isTrue =
      switch error.reason {
      case .namespaceNotFound:
        request.machine.namespace == Workload.unknown
          || gone.contains(ExactText(request.machine.namespace))
      case .machineNotFound:
        request.isGet && !request.maySeePast ? try readsNone(request) : request.sawAbsent
      case .machineAlreadyExists: request.sawPresent
      case .notificationNotFound: request.sawNotQueued
      case .machineFailed: request.sawFailed
      case .machineAlreadyWorking: request.sawWorking
      case .invalidArgument: request.key != nil
      case .eventNotFound: lacksEvent(request)
      case .stale: request.sawUnexpected
      default: true
      }
    try require(isTrue || request.maySeePast, .truthfulErrors, "\(what)\(error), which was not so")
  }

  private func lacksEvent(_ request: ClientRequest) -> Bool {
    let range: HistoryRange? =
      switch request.operation {
      case .get(let range, _), .call(_, let range, _), .notify(_, let range, _),
        .repair(_, let range, _), .startOrCall(_, _, let range, _),
        .startOrNotify(_, _, let range, _):
        range
      case .watch(let query): HistoryRange(after: query.after)
      // The others show no history.
      default: nil
      }
    guard let range, range.direction == .forward else { return false }
    guard request.isGet else { return range.after > 0 }
    return request.states.contains { state in
      state.machine.map { range.after > $0.row.lastEventID } ?? false
    }
  }
}
