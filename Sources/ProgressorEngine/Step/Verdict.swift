import MachineModel

/// What an invocation's outcome means, before it is known for which kind of step.
enum Verdict {
  case success(ProcessorAnswer)
  /// The processor certainly did not see it.
  case unreachable(message: String)
  /// A deployment is broken or busy, not a machine.
  case transient(code: Code, message: String, RetryAdvice)
  /// The processor says no, on purpose.
  case refused(ProcessorStatus)
  /// The processor says "I am broken", or its answer cannot be used.
  case fatal(code: Code, message: String, details: [[UInt8]])
  case machineTooLarge

  /// Only a status that the processor itself sent can be more than transient.
  init(_ outcome: ProcessorOutcome, limits: EngineConfiguration, now: Timestamp) {
    switch outcome {
    case .answered(let answer):
      if let fault = answer.fault(limits, now) {
        self = .unusable(fault)
      } else {
        self = .success(answer)
      }
    case .status(let status): self.init(status)
    case .unreachable(let message): self = .unreachable(message: message)
    case .lost(let code, let message):
      self = .transient(code: code, message: message, RetryAdvice())
    case .unusable(let message):
      self = .unusable(message)
    case .machineTooLarge: self = .machineTooLarge
    }
  }

  static func unusable(_ fault: String) -> Verdict {
    .fatal(
      code: .internal, message: "the processor's answer is unusable: \(fault)", details: [])
  }

  private init(_ status: ProcessorStatus) {
    switch status.code {
    case .unavailable, .deadlineExceeded, .resourceExhausted, .aborted, .cancelled,
      .unimplemented, .unauthenticated:
      self = .transient(
        code: status.code, message: status.reason,
        RetryAdvice(reasons: status.reasons, delay: status.retryDelay))
    case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .outOfRange,
      .permissionDenied:
      self = .refused(status)
    case .ok, .unknown, .internal, .dataLoss:
      self = .fatal(code: status.code, message: status.reason, details: status.details)
    }
  }
}

/// What a processor says with a failure of whether and when to try again.
struct RetryAdvice {
  /// As ErrorInfos name them.
  var reasons: [String] = []
  /// Microseconds from its answer on; nil = it does not say.
  var delay: Int64?

  /// What is more is taken as this: 100 years, as for timers. Microseconds.
  static let maximumDelay: Int64 = 36_525 * 86_400 * 1_000_000
}

extension ProcessorStatus {
  /// Its message, or its code in words: who reads why a machine failed needs a word at least.
  var reason: String {
    message.isEmpty ? "the processor answered \(code.name) without a message" : message
  }
}

extension ProcessorAnswer {
  /// What is wrong with it, in words for the processor's author; nil = nothing.
  func fault(_ limits: EngineConfiguration, _ now: Timestamp) -> String? {
    if change.events.count > limits.maximumStepEvents {
      return "change.events: has more than \(limits.maximumStepEvents) events"
    }
    var bytes = response.count
    for (index, event) in change.events.enumerated() {
      if event.data.count > limits.maximumContentBytes {
        return "change.events[\(index)]: is longer than \(limits.maximumContentBytes) bytes"
      }
      bytes += event.data.count + 64
    }
    if let aux = change.auxState {
      if aux.data.count > limits.maximumContentBytes {
        return "change.aux_state: is longer than \(limits.maximumContentBytes) bytes"
      }
      bytes += aux.data.count
    }
    if let text = change.waitingFor, text.utf8.count > StateChange.maximumWaitingForBytes {
      return "change.waiting_for: is longer than \(StateChange.maximumWaitingForBytes) bytes"
    }
    for (index, message) in action.send.enumerated() {
      if let fault = message.fault(limits, now) { return "action.send[\(index)].\(fault)" }
      bytes += message.args.count + message.target.id.utf8.count + 1_024
    }
    if bytes > limits.maximumStepBytes {
      return "it is longer than \(limits.maximumStepBytes) bytes"
    }
    if case .set(let setting)? = action.timer { return setting.fault(limits, now) }
    return nil
  }
}

extension TimerSetting {
  fileprivate func fault(_ limits: EngineConfiguration, _ now: Timestamp) -> String? {
    switch when {
    case .deadline(let at):
      if at > now.advanced(byMicroseconds: limits.maximumTimerDistance) {
        return "action.set_timer.deadline: is more than 100 years ahead"
      }
    case .timeout(let microseconds):
      if microseconds < 0 { return "action.set_timer.timeout: must not be negative" }
      if microseconds > limits.maximumTimerDistance {
        return "action.set_timer.timeout: is more than 100 years"
      }
    }
    if let processingTimeout, processingTimeout <= 0 {
      return "action.set_timer.processing_timeout: must be positive"
    }
    if let historyRange {
      if historyRange.after < 0 {
        return "action.set_timer.history_range.after: must not be negative"
      }
      if let limit = historyRange.limit, limit < 0 {
        return "action.set_timer.history_range.limit: must not be negative"
      }
    }
    return nil
  }
}
