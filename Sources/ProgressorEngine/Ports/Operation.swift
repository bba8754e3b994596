public import MachineModel

/// What is asked. Keys are idempotency keys, nil = none.
public enum Operation: Sendable, Hashable {
  case start(args: [UInt8], key: String?)
  case call(args: [UInt8], range: HistoryRange?, key: String?)
  case notify(args: [UInt8], range: HistoryRange?, key: String?)
  case repair(args: [UInt8], range: HistoryRange?, key: String?)
  case simpleRepair
  /// The machine is started first if there is none, with `startArgs`.
  case startOrCall(startArgs: [UInt8], args: [UInt8], range: HistoryRange?, key: String?)
  /// The machine is started first if there is none, with `startArgs`.
  case startOrNotify(startArgs: [UInt8], args: [UInt8], range: HistoryRange?, key: String?)
  /// Answered when `wait` has come, or its time is over; nil = at once.
  case get(range: HistoryRange?, wait: WaitCondition? = nil)
  case watch(WatchQuery)
  case remove
  case pause(reason: String)
  case resume
  /// Answered when no step runs in the paused namespace any more; `id` of the machine is empty.
  case awaitQuiet
  case list(ListQuery)
  /// `id` of the machine is empty.
  case count
  case listNotifications(NotificationQuery)
  /// By the id that Notify answered.
  case dropNotification(id: String)
  case listMessages(MessageListQuery)
  /// By its number.
  case dropMessage(Int64)
  /// By its number.
  case retryMessage(Int64)
  /// The machine appears as it is handed over, with one commit.
  indirect case importMachine(ImportedMachine)
  case trace(TraceQuery)
}

/// What all who hand an operation on, count it or name it must know of it. What it does is a
/// `Work`'s to say, and a step's.
public struct OperationForm: Sendable {
  /// As people read it in logs and traces.
  public let name: String
  /// What the client sent, for the processor or for the operation alone.
  let payload: Payload
  /// Its idempotency key; nil = it has none.
  public let key: String?
  /// Tells one keyed method from another in what is remembered, and so never changes; nil = no
  /// such operation has a key.
  let method: UInt8?

  /// What an operation carries.
  enum Payload {
    case nothing
    case args([UInt8])
    /// Of the start that goes before it, and its own.
    case startAndArgs([UInt8], [UInt8])
    case text(String)
    case machine(ImportedMachine)
  }

  fileprivate init(
    _ name: String, _ payload: Payload = .nothing, key: String? = nil, method: UInt8? = nil
  ) {
    self.name = name
    self.payload = payload
    self.key = key
    self.method = method
  }

  /// The arguments for its processor; nil = none gets any.
  public var args: [UInt8]? {
    switch payload {
    case .args(let args), .startAndArgs(_, let args): args
    case .nothing, .text, .machine: nil
    }
  }
}

extension Operation {
  /// See ``OperationForm``.
  public var form: OperationForm {
    switch self {
    case .start(let args, let key): OperationForm("start", .args(args), key: key, method: 1)
    case .call(let args, _, let key): OperationForm("call", .args(args), key: key, method: 2)
    case .notify(let args, _, let key): OperationForm("notify", .args(args), key: key, method: 3)
    case .repair(let args, _, let key): OperationForm("repair", .args(args), key: key, method: 4)
    case .startOrCall(let start, let args, _, let key):
      OperationForm("startOrCall", .startAndArgs(start, args), key: key, method: 5)
    case .startOrNotify(let start, let args, _, let key):
      OperationForm("startOrNotify", .startAndArgs(start, args), key: key, method: 6)
    case .simpleRepair: OperationForm("simpleRepair")
    case .get: OperationForm("get")
    case .watch: OperationForm("watch")
    case .remove: OperationForm("remove")
    case .pause(let reason): OperationForm("pause", .text(reason))
    case .resume: OperationForm("resume")
    case .awaitQuiet: OperationForm("awaitQuiet")
    case .list: OperationForm("list")
    case .count: OperationForm("count")
    case .listNotifications: OperationForm("listNotifications")
    case .dropNotification(let id): OperationForm("dropNotification", .text(id))
    case .listMessages: OperationForm("listMessages")
    case .dropMessage: OperationForm("dropMessage")
    case .retryMessage: OperationForm("retryMessage")
    case .importMachine(let machine): OperationForm("importMachine", .machine(machine))
    case .trace: OperationForm("trace")
    }
  }
}

extension Work {
  /// What the engine does for a request.
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
    case .notify(let args, let range, _): self = .notification(Notice(args: args, range: range))
    case .startOrCall(let startArgs, let args, let range, let key):
      let call = CallStep(
        args: args, range: range, key: key, expected: request.expectedLastEventID, context: context)
      self = .step(
        OpeningStep(start: StartStep(args: startArgs, context: context), then: .call(call)))
    case .startOrNotify(let startArgs, let args, let range, _):
      let start = StartStep(args: startArgs, context: context)
      self = .notification(Notice(args: args, range: range, start: start))
    case .get(let range, let wait):
      self = .read(Look(range: range ?? .all, until: wait.map { Look.Until($0) }))
    case .watch(let query): self = .read(Look(query))
    case .list(let query): self = .list(.machines(query))
    case .count: self = .list(.counts)
    case .listNotifications(let query): self = .list(.notifications(query))
    case .dropNotification(let id): self = .step(DropNotificationStep(notificationID: id))
    case .listMessages(let query): self = .list(.messages(query))
    case .dropMessage(let number): self = .step(DropMessageStep(message: number))
    case .retryMessage(let number): self = .step(RetryMessageStep(message: number))
    case .importMachine(let machine):
      self = .step(ImportStep(machine: machine, principal: context.principal))
    case .trace(let query): self = .trace(query)
    case .awaitQuiet: self = .quiet
    }
  }
}
