import MachineModel
package import ProgressorEngine

/// The processors of all namespaces: they answer OK and change nothing, unless a test says
/// otherwise.
package struct TestProcessor {
  /// It works on whatever comes, without an end.
  package var holds = false
  /// What it works on.
  package internal(set) var held: [Invocation] = []
  private var respond: (Invocation) -> ProcessorOutcome? = { _ in .ok }

  /// From now on each call is answered so.
  package mutating func answers(_ outcome: ProcessorOutcome) { respond = { _ in outcome } }

  /// From now on each call is answered so; nil = the processor works on it.
  package mutating func answers(_ respond: @escaping (Invocation) -> ProcessorOutcome?) {
    self.respond = respond
  }

  func outcome(of call: Invocation) -> ProcessorOutcome? { respond(call) }

  /// The answer if it comes at once.
  mutating func take(_ call: Invocation) -> ProcessorOutcome? {
    if !holds, let outcome = respond(call) { return outcome }
    held.append(call)
    return nil
  }
}

extension ProcessorOutcome {
  /// Nothing changes.
  package static let ok = ProcessorOutcome.answered(ProcessorAnswer())

  /// An event with these bytes.
  package static func event(_ bytes: [UInt8] = [1]) -> ProcessorOutcome {
    .answered(ProcessorAnswer(change: StateChange(events: [Content(data: bytes)])))
  }

  /// A timer is set.
  package static func timer(
    after duration: Duration, processingTimeout: Duration? = nil
  ) -> ProcessorOutcome {
    let setting = TimerSetting(
      when: .timeout(microseconds: duration.microseconds),
      processingTimeout: processingTimeout?.microseconds)
    return .answered(ProcessorAnswer(action: Action(timer: .set(setting))))
  }
}
