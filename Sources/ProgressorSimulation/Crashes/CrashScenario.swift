import MachineModel
import ProgressorEngine

/// What one client does with one machine, step by step, and what its processor answers: small
/// enough to be crashed at every effect.
public struct CrashScenario: Sendable {
  /// What it is called in what a sweep prints.
  public let name: String
  let asks: [Ask]
  let processor: @Sendable (Invocation, _ earlier: Int) -> Reaction
  /// Events that the history has in the end, each written by another step; nil = there is no
  /// machine.
  let events: Int?

  /// What the client asks. What has a key is repeated under it until it is answered.
  enum Ask: Sendable {
    case start, call, notify, repair, simpleRepair, remove, pause, resume
    /// Drops what is the queue's head by then.
    case drop
    /// Waits until the machine has nothing to do by itself.
    case rest
  }

  /// What the processor does.
  enum Reaction: Sendable {
    case event
    case eventAndTimer
    case nothing
    case remove
    case transient
    case refusal
    case fatal

    func outcome(_ number: Int) -> ProcessorOutcome {
      let event = Content(data: Tag.bytes(UInt64(number)))
      var answer = ProcessorAnswer(response: Tag.bytes(UInt64(number)))
      switch self {
      case .event: answer.change.events = [event]
      case .eventAndTimer:
        answer.change.events = [event]
        answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 20_000)))
      case .nothing: break
      case .remove: answer.action.remove = true
      case .transient: return .status(ProcessorStatus(code: .unavailable, message: "not now"))
      case .refusal: return .status(ProcessorStatus(code: .notFound, message: "no"))
      case .fatal: return .status(ProcessorStatus(code: .internal, message: "broken"))
      }
      return .answered(answer)
    }
  }

  /// The steps of every kind, and what may become of each.
  public static let all = [
    CrashScenario(name: "start and call", asks: [.start, .call, .call], events: 3) { _, _ in .event
    },
    CrashScenario(name: "calls that change nothing", asks: [.start, .call, .call], events: 1) {
      call, _ in call.isStart ? .event : .nothing
    },
    CrashScenario(name: "timer", asks: [.start, .rest], events: 2) { call, _ in
      call.isStart ? .eventAndTimer : .event
    },
    CrashScenario(name: "timer that is set again", asks: [.start, .call, .rest], events: 4) {
      call, _ in
      if call.isStart { return .eventAndTimer }
      return call.machine.lastEventID == 2 ? .eventAndTimer : .event
    },
    CrashScenario(
      name: "notifications", asks: [.start, .notify, .notify, .notify, .rest], events: 4
    ) {
      _, _ in .event
    },
    CrashScenario(
      name: "notification that is retried", asks: [.start, .notify, .notify, .rest], events: 3
    ) { call, _ in !call.isStart && call.attempt < 3 ? .transient : .event },
    CrashScenario(name: "timer that is retried", asks: [.start, .rest], events: 2) { call, _ in
      if call.isStart { return .eventAndTimer }
      return call.attempt < 3 ? .transient : .event
    },
    CrashScenario(
      name: "call that is refused, and recorded", asks: [.start, .call, .call, .call], events: 3
    ) { call, _ in
      guard case .call(let args, _) = call.stimulus else { return .event }
      return Tag.number(in: args) == ScriptedClient.tag(ofAsk: 2) ? .refusal : .event
    },
    CrashScenario(name: "fatal call and repair", asks: [.start, .call, .repair], events: 2) {
      call, _ in
      if case .call = call.stimulus { return .fatal }
      return .event
    },
    CrashScenario(
      name: "fatal notification and simple repair",
      asks: [.start, .notify, .notify, .rest, .simpleRepair, .rest], events: 3
    ) { call, earlier in
      !call.isStart && call.machine.lastEventID == 1 && earlier == 0 ? .fatal : .event
    },
    CrashScenario(name: "removal", asks: [.start, .notify, .remove], events: nil) { _, _ in .event
    },
    CrashScenario(name: "removal by a call", asks: [.start, .call], events: nil) { call, _ in
      call.isStart ? .event : .remove
    },
    CrashScenario(
      name: "removal and another start", asks: [.start, .notify, .remove, .start, .call], events: 2
    ) { _, _ in .event },
    CrashScenario(
      name: "notifications that are dropped",
      asks: [.start, .pause, .notify, .notify, .notify, .drop, .resume, .rest, .call], events: 4
    ) { _, _ in .event },
    CrashScenario(
      name: "notification that is retried and dropped",
      asks: [.start, .notify, .notify, .drop, .rest], events: 2
    ) { call, _ in call.isOfAsk(1) ? .transient : .event },
    CrashScenario(
      name: "pause and resume", asks: [.start, .pause, .notify, .resume, .rest, .call], events: 4
    ) { call, _ in call.isStart ? .eventAndTimer : .event },
  ]

  init(
    name: String, asks: [Ask], events: Int?,
    processor: @escaping @Sendable (Invocation, _ earlier: Int) -> Reaction
  ) {
    self.name = name
    self.asks = asks
    self.events = events
    self.processor = processor
  }
}

extension Invocation {
  /// It delivers the notification of the ask with this number.
  fileprivate func isOfAsk(_ number: Int) -> Bool {
    guard case .signal(.notification(let args, _, _)) = stimulus else { return false }
    return Tag.number(in: args) == ScriptedClient.tag(ofAsk: number)
  }

  fileprivate var isStart: Bool {
    if case .signal(.initialize) = stimulus { true } else { false }
  }
}
