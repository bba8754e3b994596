import MachineModel

/// What an operation sees when it decides: its machine as it is committed, and the settings of its
/// namespace.
struct StepView {
  private let machine: ResidentMachine
  let now: Moment
  /// What was read for the step. Too large: it has none.
  let history: [Event]
  let historyTooLarge: Bool
  /// Which events `history` are.
  let range: HistoryRange

  init(_ machine: ResidentMachine, now: Moment) {
    self.machine = machine
    self.now = now
    let history = machine.running?.history
    self.history = history?.events ?? []
    historyTooLarge = history?.isTooLarge ?? false
    range = history?.range ?? .all
  }

  var id: MachineID { machine.id }
  var shard: ShardID { machine.shard.id }
  var namespace: NamespaceNumber { machine.namespace.number }
  var settings: Namespace { machine.namespace.settings }
  var processorTimeout: Int64 { machine.namespace.processorTimeout }

  /// nil = there is no such machine.
  var row: MachineRow? { machine.row }
  /// Of the step that decides.
  var name: StepName { machine.running?.name ?? StepName() }
  /// The message of the machine that has the name and can still be delivered, by its number.
  func pendingMessage(_ name: String) -> Int64? { machine.outbox.number(of: name) }

  /// The message that the step is about, as it was looked up.
  var soughtMessage: PendingMessage? {
    if case .found(let message)? = machine.running?.message { message } else { nil }
  }

  /// It is just being delivered.
  var isUnderWay: Bool { machine.running?.isUnderWay ?? false }

  /// The notification that is delivered next.
  var head: QueuedNotification? { machine.notifications.head }

  /// Whether the notification is queued, as memory knows or was looked up; nil = it may be one that
  /// is on its way to the database, and nobody has heard whether it came there.
  func queues(_ sequence: Int64) -> Bool? {
    let isThere = machine.notifications.holds(sequence)
    if isThere == true { return true }
    if machine.enqueuesInFlight > 0, sequence >= machine.firstEnqueued { return nil }
    if isThere == false { return false }
    if case .isThere? = machine.running?.sought { return true }
    return false
  }

  /// A number of the shard for what the step makes; nil = its owner has used them up.
  func nextSerial() -> Int64? { machine.shard.nextSerial() }

  /// See ``ResidentMachine/isDueForNothing(_:)``.
  var isDueForNothing: Bool { machine.isDueForNothing(now) }

  /// The processor is asked for a client who wants it to be shown these events, unless the client
  /// has seen another machine, or a pause or the history is in the way.
  func ask(
    _ row: MachineRow, expecting expected: Int64?, showing range: HistoryRange?
  ) -> Beginning {
    if let error = row.staleness(expected) { return .answer(.error(error)) }
    if let pause = row.pause { return .answer(.error(.machinePaused(pause))) }
    if let pause = settings.pause { return .answer(.error(.namespacePaused(pause))) }
    if let range, range.direction == .forward, range.after > row.lastEventID {
      return .answer(.error(.eventNotFound(range.after)))
    }
    return historyTooLarge ? .answer(.error(.historyTooLarge)) : .ask
  }

  /// The machine as its processor sees it.
  func shown(_ row: MachineRow, hidesTimer: Bool = false) -> Machine {
    Snapshot.machine(row, head: head, history: history, range: range, hidesTimer: hidesTimer)
  }

  /// What a caller's request asks the processor. Of a machine that is not there yet, its name.
  func question(_ stimulus: Invocation.Stimulus, serial: Int64, _ context: CallerContext)
    -> Question
  {
    Question(
      stimulus: stimulus,
      machine: row.map { shown($0) }
        ?? Machine(machineID: id, createdAt: now.wall, since: now.wall),
      token: StepToken.request(shard, serial: serial), timeout: processorTimeout, context: context)
  }
}

extension MachineRow {
  /// Why nothing is done for a client who expects this last event; nil = it is that one.
  func staleness(_ expected: Int64?) -> ProgressorError? {
    guard let expected, expected != lastEventID else { return nil }
    return ProgressorError(
      .aborted, .stale,
      "expected_last_event_id: is \(expected), the machine's last event is \(lastEventID)",
      metadata: ["last_event_id": "\(lastEventID)"])
  }
}

/// What steps of several kinds make of their machine.
extension StepView {
  /// The answer applied: events first, then aux state and what the process waits for, then the
  /// timer, then messages, with which both `context` goes, then failure.
  func applying(
    _ answer: ProcessorAnswer, to row: MachineRow, _ kind: StepKind, _ answered: Answered,
    context: CallerContext
  ) -> Changed {
    assert(row.failure == nil, "an answer is applied to a machine that works")
    var changed = Changed(row)
    append(answer.change.events, to: &changed)
    if let aux = answer.change.auxState {
      changed.auxChanged = true
      changed.row.auxState = aux.isEmpty ? nil : aux
    }
    if let text = answer.change.waitingFor { changed.row.waitingFor = text.isEmpty ? nil : text }
    switch answer.action.timer {
    case nil: break
    case .unset?: changed.row.timer = nil
    case .set(let setting)?:
      changed.row.timer = TimerRow(
        serial: answered.serial, firesAt: setting.firesAt(now.wall),
        historyRange: setting.historyRange,
        processingTimeout: setting.processingTimeout, context: context)
    }
    changed.messages = outgoing(answer.action, row.key, context)
    if let reason = answer.action.fail {
      let text = reason.isEmpty ? "the processor failed the machine without a reason" : reason
      changed.row.failure = failure(kind, code: .ok, reason: text, attempts: answered.attempt)
    }
    return changed
  }

  /// The answer applied that removes the machine: of its messages those are sent that are due.
  func removing(
    _ answer: ProcessorAnswer, _ row: MachineRow, _ context: CallerContext
  ) -> Change {
    var messages = outgoing(answer.action, row.key, context)
    messages.sent.removeAll { $0.pending.deliverAt > now.wall }
    var last = Changed(row)
    append(answer.change.events, to: &last)
    return .removed(row, events: last.events, messages)
  }

  /// Events of an answer, numbered (I3).
  private func append(_ bodies: [Content], to changed: inout Changed) {
    changed.events.reserveCapacity(bodies.count)
    for body in bodies {
      changed.row.lastEventID += 1
      changed.row.lastEventAt = max(changed.row.lastEventAt, now.wall)
      changed.events.append(
        Event(id: changed.row.lastEventID, createdAt: changed.row.lastEventAt, body: body))
    }
  }

  private func failure(
    _ kind: StepKind, code: Code, reason: String, attempts: Int32, name: StepName? = nil
  ) -> Failure {
    let name = name ?? self.name
    return Failure(
      reason: reason, failedAt: now.wall, stepKind: kind, code: code.rawValue, attempts: attempts,
      step: name.token, principal: name.principal)
  }

  /// The machine fails: it keeps everything, and runs nothing but a repair (I7).
  ///
  /// - Parameter name: of a step that fails it before its processor is asked.
  func failing(
    _ row: MachineRow, _ kind: StepKind, code: Code, reason: String, attempts: Int32,
    name: StepName? = nil, _ reply: Reply? = nil
  ) -> Decision {
    var changed = Changed(row)
    changed.row.failure = failure(kind, code: code, reason: reason, attempts: attempts, name: name)
    return .write(.updated(changed), reply)
  }

  /// What nobody waits for was to show more than a message may have.
  func failingTooLarge(
    _ row: MachineRow, _ kind: StepKind, attempts: Int32, name: StepName? = nil
  ) -> Decision {
    failing(
      row, kind, code: .resourceExhausted,
      reason: "HISTORY_TOO_LARGE: the machine with its history exceeds the message limit",
      attempts: attempts, name: name)
  }

  /// The machine fails though nothing of it can be read but the row. A caller is told.
  func condemning(
    _ row: MachineRow, _ kind: StepKind, _ damage: String, _ name: StepName?, tells: Bool = false
  ) -> Decision {
    if let failure = row.failure { return .refuse(.machineFailed(failure.reason)) }
    let reason = ProgressorError.damaged(damage).message
    let failure = Failure(
      reason: reason, failedAt: now.wall, stepKind: kind, code: Code.dataLoss.rawValue, attempts: 1,
      step: name?.token ?? "", principal: name?.principal)
    return .write(.condemned(row, failure), tells ? .error(.machineFailed(reason)) : nil)
  }

  /// When a failed attempt is tried again; nil = never, the machine fails.
  func retry(
    _ answered: Answered, code: Code, message: String, _ advice: RetryAdvice
  ) -> RetryState? {
    let policy = settings.retryPolicy
    if policy.isNonRetryable(code, reasons: advice.reasons) { return nil }
    if policy.isExhausted(after: answered.attempt) { return nil }
    let interval = max(
      policy.interval(after: answered.attempt, random: answered.random),
      min(advice.delay ?? 0, RetryAdvice.maximumDelay))
    return RetryState(
      attempt: Safeguard.retryCounter.isOn ? answered.attempt : 0,
      nextAttemptAt: now.wall.advanced(byMicroseconds: interval),
      lastCode: code.rawValue, lastMessage: message)
  }
}

extension TimerSetting {
  fileprivate func firesAt(_ now: Timestamp) -> Timestamp {
    switch when {
    case .deadline(let at): at
    case .timeout(let microseconds): now.advanced(byMicroseconds: microseconds)
    }
  }
}
