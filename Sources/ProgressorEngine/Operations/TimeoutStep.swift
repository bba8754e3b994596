import MachineModel

/// A timer that is due. What nobody waits for is tried again by policy.
struct TimeoutStep: StepOperation {
  var kind: StepKind? { .timeout }
  var counted: NamespaceCounts.Step? { .timeout }
  var asksProcessor: Bool { true }

  func historyRange(_ view: StepView, fallback: HistoryRange) -> HistoryRange? {
    view.row?.timer.map { $0.historyRange ?? fallback }
  }

  func begin(_ view: StepView) -> Beginning {
    guard let row = view.row, row.runsByItself, view.settings.pause == nil, let timer = row.timer,
      timer.due <= view.now.wall
    else { return .pass }
    if view.historyTooLarge {
      return .decided(
        view.failingTooLarge(
          row, .timeout, attempts: timer.nextAttempt, name: timer.name(of: row)))
    }
    return .ask
  }

  func question(_ view: StepView, serial: Int64) -> Question? {
    guard let row = view.row, row.failure == nil, let timer = row.timer else { return nil }
    return Question(
      stimulus: .signal(.timeout), machine: view.shown(row, hidesTimer: true),
      attempt: timer.nextAttempt,
      token: StepToken.timeout(view.shard, row.key, timer),
      timeout: timer.processingTimeout ?? view.processorTimeout, context: timer.context)
  }

  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision {
    guard var row = view.row, let timer = row.timer else { return .pass }
    switch verdict {
    case .success(let answer):
      if answer.action.remove { return .write(view.removing(answer, row, timer.context), nil) }
      row.timer = nil
      let changed = view.applying(answer, to: row, .timeout, answered, context: timer.context)
      return .write(.updated(changed), nil)
    case .unreachable: return .awaitEndpoint
    case .transient(let code, let message, let advice):
      guard let retry = view.retry(answered, code: code, message: message, advice) else {
        return view.failing(
          row, .timeout, code: code, reason: message, attempts: answered.attempt)
      }
      row.timer?.retry = retry
      return .write(.updated(Changed(row)), nil)
    case .refused(let status):
      return view.failing(
        row, .timeout, code: status.code, reason: status.reason, attempts: answered.attempt)
    case .fatal(let code, let message, _):
      return view.failing(row, .timeout, code: code, reason: message, attempts: answered.attempt)
    case .machineTooLarge:
      return view.failingTooLarge(row, .timeout, attempts: answered.attempt)
    }
  }

  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision {
    view.condemning(row, .timeout, damage, row.timer?.name(of: row))
  }
}

extension TimerRow {
  /// The same in every attempt of its timeout.
  fileprivate func name(of row: MachineRow) -> StepName {
    StepName(
      token: StepToken.timeout(row.shard, row.key, self), principal: context.principal)
  }

  fileprivate var nextAttempt: Int32 { Int32(clamping: Int64(retry?.attempt ?? 0) + 1) }
}
