import GRPC
import MachineModel

/// A machine for people.
enum MachineText {
  /// One fact per line, then the events.
  static func lines(_ machine: Machine) -> [TerminalText] {
    var lines: [TerminalText] = ["\(machine.machineID.namespace)/\(machine.machineID.id)"]
    lines.append(fact("status", status(machine.status)))
    switch machine.status {
    case .failed(let failure):
      lines.append(fact("reason", "\(failure.reason)"))
      lines.append(
        fact(
          "failed at",
          "\(failure.failedAt.rfc3339), \(step(failure.stepKind)), \(code(failure.code)), "
            + "attempts: \(failure.attempts)"))
      if !failure.step.isEmpty { lines.append(fact("step", "\(failure.step)")) }
      if let principal = failure.principal { lines.append(fact("asked by", "\(principal)")) }
    case .working(let retrying?):
      lines.append(
        fact(
          "retrying",
          "\(step(retrying.stepKind)), attempt \(retrying.attempt) failed with "
            + "\(code(retrying.lastCode)): \(retrying.lastMessage)"))
      lines.append(fact("next attempt", "\(retrying.nextAttemptAt.rfc3339)"))
    case .working(nil): break
    }
    if !machine.status.isFailed, let since = machine.since, since != machine.createdAt {
      lines.append(fact("works since", "\(since.rfc3339)"))
    }
    if let pause = machine.pause {
      lines.append(fact("paused", self.pause(pause)))
    }
    if let text = machine.waitingFor { lines.append(fact("waits for", "\(text)")) }
    if let waiting = machine.waiting {
      lines.append(
        fact("waits", "\(reason(waiting.on)), since \(waiting.since.rfc3339)"))
    }
    if machine.queuedNotifications > 0 {
      lines.append(fact("queued", "\(machine.queuedNotifications) notifications"))
    }
    if machine.pendingMessages > 0 {
      lines.append(fact("sends", "\(machine.pendingMessages) messages"))
    }
    if machine.undeliveredMessages > 0 {
      lines.append(fact("undelivered", "\(machine.undeliveredMessages) messages"))
    }
    if let timer = machine.timer { lines.append(fact("timer", "\(timer.rfc3339)")) }
    if let auxState = machine.auxState { lines.append(fact("aux state", content(auxState))) }
    lines.append(fact("created", "\(machine.createdAt.rfc3339)"))
    let shown = machine.history.count
    let all = Int64(shown) == machine.lastEventID
    lines.append(
      fact("events", all ? "\(shown)" : "\(machine.lastEventID), \(shown) of them shown"))
    return lines + machine.history.map { line($0) }
  }

  static func line(_ event: Event) -> TerminalText {
    "  \(event.id)  \(event.createdAt.rfc3339)  \(content(event.body))"
  }

  /// What it is at the moment, in a line.
  static func summary(_ machine: Machine) -> TerminalText {
    var parts: [TerminalText] = [status(machine.status)]
    switch machine.status {
    case .failed(let failure): parts.append("\(failure.reason)")
    case .working(let retrying?):
      parts.append(
        "\(step(retrying.stepKind)) again at \(retrying.nextAttemptAt.rfc3339), attempt "
          + "\(retrying.attempt) failed with \(code(retrying.lastCode)): \(retrying.lastMessage)")
    case .working(nil): break
    }
    if machine.pause != nil { parts.append("paused") }
    if let text = machine.waitingFor { parts.append("waits for \(text)") }
    if machine.queuedNotifications > 0 {
      parts.append("\(machine.queuedNotifications) notifications queued")
    }
    if let timer = machine.timer { parts.append("timer at \(timer.rfc3339)") }
    return parts.joined(separator: ", ")
  }

  /// Since when, by whom if that is known, and why if that was said.
  static func pause(_ pause: Pause) -> TerminalText {
    let who: TerminalText = pause.principal.map { " by \($0)" } ?? ""
    let why: TerminalText = pause.reason.isEmpty ? "" : ": \(pause.reason)"
    return "since \(pause.pausedAt.rfc3339)" + who + why
  }

  /// A name and what it is.
  static func fact(_ name: String, _ value: TerminalText) -> TerminalText {
    "  \(name)\(String(repeating: " ", count: max(1, 14 - name.count)))\(value)"
  }

  /// What a machine waits for, in words.
  private static func reason(_ waiting: WaitingOn) -> String {
    switch waiting {
    case .endpoint: "for its processor, which cannot be reached"
    case .pause: "for the end of its pause, or its namespace's"
    case .retry: "for the next attempt"
    case .slot: "for its turn: the namespace has as much under way as it may"
    case .step: "for the step that runs"
    }
  }

  private static func status(_ status: MachineStatus) -> TerminalText {
    switch status {
    case .working(nil): "working"
    case .working: "retrying"
    case .failed: "failed"
    }
  }

  private static func content(_ content: Content) -> TerminalText {
    let text = PayloadText.line(content.data)
    return content.formatVersion == 0 ? text : "\(text) (format \(content.formatVersion))"
  }

  static func step(_ kind: StepKind) -> String {
    switch kind {
    case .start: "start"
    case .call: "call"
    case .notification: "notification"
    case .timeout: "timeout"
    case .repair: "repair"
    case .dropNotification: "drop notification"
    case .importMachine: "import"
    case .dropMessage: "drop message"
    case .retryMessage: "retry message"
    }
  }

  static func code(_ number: Int32) -> String {
    StatusCode(rawValue: Int(number))?.name ?? String(number)
  }
}
