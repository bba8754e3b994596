import MachineModel

/// What a request is to the engine.
enum Work {
  /// It waits its turn on its machine.
  case step(any StepOperation)
  /// It goes past the mailbox into the machine's durable queue.
  case notification(Notice)
  /// It shows what is committed, past the mailbox, now or later.
  case read(Look)
  /// It shows many rows, of the database alone.
  case list(ListQuestion)
  /// It shows what happened to a machine that need not be in memory.
  case trace(TraceQuery)
  /// It waits until no step runs in its namespace.
  case quiet

  /// Its step, nil for what is none.
  var step: (any StepOperation)? {
    if case .step(let step) = self { step } else { nil }
  }
}

/// A notification that somebody asks for.
struct Notice {
  let args: [UInt8]
  let range: HistoryRange?
  /// What goes before it when there is no machine; nil = nothing, it is refused then.
  var start: StartStep?
}

extension Work {
  /// It begins with a start if there is no machine.
  var isOpening: Bool {
    switch self {
    case .step(let step): step is OpeningStep
    case .notification(let notice): notice.start != nil
    case .read, .list, .trace, .quiet: false
    }
  }

  /// What it is once its machine is there.
  var opened: Work {
    guard case .step(let step) = self, let opening = step as? OpeningStep else { return self }
    return switch opening.then {
    case .call(let call): .step(call)
    case .notification(let notice): .notification(notice)
    }
  }

  /// What it is when there is no machine.
  var opening: Work {
    guard case .notification(let notice) = self, let start = notice.start else { return self }
    var then = notice
    then.start = nil
    return .step(OpeningStep(start: start, then: .notification(then)))
  }
}

/// What a request wants listed.
enum ListQuestion {
  case machines(ListQuery)
  case counts
  case notifications(NotificationQuery)
  case messages(MessageListQuery)
}
