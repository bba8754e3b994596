import MachineModel

/// What is recorded of a step, in its own commit, for those who ask what happened to the machine.
extension Engine {
  /// What is recorded of a step that writes this; nil = nothing. Its sequence is 0 when the
  /// processor was not asked.
  ///
  /// - Parameters:
  ///   - step: The machine's running one.
  ///   - said: What the processor said instead of an answer.
  ///   - reply: What its caller hears.
  ///   - isKept: The reply is written, under a key.
  func traced(
    _ change: Change, by step: RunningStep, of machine: ResidentMachine, _ said: Complaint?,
    _ reply: Reply?, isKept: Bool
  ) -> TracedStep? {
    let namespace = machine.namespace
    guard namespace.traceLevel != .nothing,
      let outcome = outcome(of: change, machine, step, reply, isKept: isKept)
    else { return nil }
    let kind = step.operation.recordedKind
    guard namespace.traceLevel.records(outcome, of: kind) else { return nil }
    let (asking, context) = (step.lastAsking, context(of: step, machine))
    let beganAt = asking?.beganAt ?? now.wall
    var record = StepRecord(
      sequence: asking?.serial ?? 0, step: token(of: step, machine), kind: kind, beganAt: beganAt,
      endedAt: max(beganAt, now.wall), outcome: outcome, attempt: asking?.attempt ?? 0,
      principal: context?.principal, traceID: context?.traceID)
    if let failure = change.failure, outcome == .failed {
      (record.code, record.message) = (failure.code, failure.reason)
    } else if outcome == .retried || outcome == .refused, let said {
      record.code = said.code.rawValue
      record.message = said.message.fitToKeep(utf8Bytes: StepRecord.maximumMessageBytes)
    } else if case .paused(let row) = change, let pause = row.pause, outcome == .paused {
      record.message = pause.reason
    }
    if let first = change.events.first, let last = change.events.last {
      (record.firstEventID, record.lastEventID) = (first.id, last.id)
    }
    return TracedStep(
      record: record,
      expiresAt: record.endedAt.advanced(byMicroseconds: namespace.traceRetention))
  }

  /// How the step ends that writes this; nil = nothing happens to its machine, or it is gone with
  /// all its records.
  private func outcome(
    of change: Change, _ machine: ResidentMachine, _ step: RunningStep, _ reply: Reply?,
    isKept: Bool
  ) -> StepOutcome? {
    switch change {
    case .removed: return nil
    case .nothing:
      guard machine.row != nil else { return nil }
      if case .error? = reply { return .refused }
      return isKept ? .committed : nil
    case .created(let changed, _):
      return step.operation.kind == .start && changed.row.failure != nil ? .failed : .committed
    case .condemned: return .failed
    case .paused(let row):
      switch (machine.row?.pause, row.pause) {
      case (nil, _?): return .paused
      case (_?, nil): return .resumed
      case (nil, nil), (_?, _?): return nil
      }
    case .updated(let changed, let queue):
      if step.operation.recordedKind?.isDoneToIt ?? false { return .committed }
      let failure = machine.row?.failure
      if changed.row.failure != nil { return changed.row.failure == failure ? nil : .failed }
      if failure != nil { return .repaired }
      if case .rescheduled = queue { return .retried }
      return step.item == .timeout && changed.row.timer?.retry != nil ? .retried : .committed
    }
  }

  /// Who asked for the step, or for the one that caused it.
  func context(of step: RunningStep, _ machine: ResidentMachine) -> CallerContext? {
    switch step.item {
    case .request: step.request?.context
    case .timeout: machine.row?.timer?.context
    case .notification: machine.notifications.head?.context
    case .settling: nil
    }
  }

  /// Empty if the processor was not asked.
  private func token(of step: RunningStep, _ machine: ResidentMachine) -> String {
    guard let asking = step.lastAsking else { return "" }
    let shard = machine.shard.id
    return switch step.item {
    case .request: StepToken.request(shard, serial: asking.serial)
    case .timeout:
      machine.row.flatMap { row in row.timer.map { StepToken.timeout(shard, row.key, $0) } } ?? ""
    case .notification: machine.notifications.head.map(StepToken.notification) ?? ""
    case .settling: ""
    }
  }
}

/// What a processor said instead of an answer.
struct Complaint {
  var code: Code
  var message: String
}

extension Verdict {
  /// Nil when the processor answered, or was not heard at all.
  var complaint: Complaint? {
    switch self {
    case .transient(let code, let message, _), .fatal(let code, let message, _):
      Complaint(code: code, message: message)
    case .refused(let status): Complaint(code: status.code, message: status.reason)
    case .success, .unreachable, .machineTooLarge: nil
    }
  }
}

extension Change {
  fileprivate var failure: Failure? {
    switch self {
    case .created(let changed, _), .updated(let changed, _): changed.row.failure
    case .condemned(_, let failure): failure
    case .nothing, .paused, .removed: nil
    }
  }

  fileprivate var events: [Event] {
    switch self {
    case .created(let changed, _), .updated(let changed, _): changed.events
    case .nothing, .paused, .removed, .condemned: []
    }
  }
}
