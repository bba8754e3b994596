import MachineModel

/// What a request is to the engine.
enum Work {
  /// It waits its turn on its machine.
  case step(any StepOperation)
  /// It goes past the mailbox into the machine's durable queue.
  case notification(args: [UInt8], range: HistoryRange?)
  /// It shows what is committed, past the mailbox.
  case read(HistoryRange)
  /// It shows many rows, of the database alone.
  case list(ListQuestion)
  /// It shows what happened to a machine that need not be in memory.
  case trace(TraceQuery)
  /// It waits until no step runs in its namespace.
  case quiet

  init(_ request: Request) {
    let context = request.context
    switch request.operation {
    case .start(let args, _): self = .step(StartStep(args: args, context: context))
    case .call(let args, let range, let key):
      self = .step(
        CallStep(
          args: args, range: range, key: key, expected: request.expectedLastEventID,
          context: context))
    case .repair(let args, let range, let key):
      self = .step(
        RepairStep(
          args: args, range: range, key: key, expected: request.expectedLastEventID,
          context: context))
    case .simpleRepair: self = .step(SimpleRepairStep())
    case .remove: self = .step(RemoveStep())
    case .pause(let reason): self = .step(PauseStep(reason: reason, principal: context.principal))
    case .resume: self = .step(ResumeStep())
    case .notify(let args, let range, _): self = .notification(args: args, range: range)
    case .get(let range): self = .read(range ?? .all)
    case .list(let query): self = .list(.machines(query))
    case .count: self = .list(.counts)
    case .listNotifications(let query): self = .list(.notifications(query))
    case .dropNotification(let id): self = .step(DropNotificationStep(notificationID: id))
    case .importMachine(let machine):
      self = .step(ImportStep(machine: machine, principal: context.principal))
    case .trace(let query): self = .trace(query)
    case .awaitQuiet: self = .quiet
    }
  }

  /// Its step, nil for what is none.
  var step: (any StepOperation)? {
    if case .step(let step) = self { step } else { nil }
  }
}

/// What a request wants listed.
enum ListQuestion {
  case machines(ListQuery)
  case counts
  case notifications(NotificationQuery)
}
