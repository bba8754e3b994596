import MachineModel

/// Call: waits its turn, is processed, committed, answered. A refusal or a transient failure leaves
/// the machine as it was.
struct CallStep: StepOperation {
  let args: [UInt8]
  let range: HistoryRange?
  let key: String?
  /// Of the machine's last event; nil = whatever it is.
  let expected: Int64?
  let context: CallerContext

  var kind: StepKind? { .call }
  var counted: NamespaceCounts.Step? { .call }
  var asksProcessor: Bool { true }
  // One with a key may have its reply.
  var endsWithMachine: Bool { key == nil }

  func historyRange(_ view: StepView, fallback: HistoryRange) -> HistoryRange? {
    range ?? fallback
  }

  func begin(_ view: StepView) -> Beginning {
    guard let row = view.row else { return .answer(.error(.machineNotFound(view.id))) }
    if let failure = row.failure { return .answer(.error(.machineFailed(failure.reason))) }
    return view.ask(row, expecting: expected, showing: range)
  }

  func question(_ view: StepView, serial: Int64) -> Question? {
    view.question(.call(args: args, key: key), serial: serial, context)
  }

  func conclude(_ verdict: Verdict, _ answered: Answered, _ view: StepView) -> Decision {
    guard let row = view.row else { return .pass }
    switch verdict {
    case .success(let answer):
      let reply = Reply.called(response: answer.response)
      if answer.action.remove { return .write(view.removing(answer, row, context), reply) }
      if answer.isQuery { return .write(.nothing(row.key), reply) }
      let changed = view.applying(answer, to: row, .call, answered, context: context)
      return .write(.updated(changed), reply)
    case .unreachable(let message), .transient(_, let message, _):
      return .refuse(.processorUnavailable(message))
    case .refused(let status): return .refuse(.refused(status))
    case .fatal(let code, let message, _):
      return view.failing(
        row, .call, code: code, reason: message, attempts: 1, .error(.machineFailed(message)))
    case .machineTooLarge: return .refuse(.historyTooLarge)
    }
  }

  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision {
    view.condemning(row, .call, damage, StepName(principal: context.principal), tells: true)
  }
}
