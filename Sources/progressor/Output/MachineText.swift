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
    case .working(let retrying?):
      lines.append(
        fact(
          "retrying",
          "\(step(retrying.stepKind)), attempt \(retrying.attempt) failed with "
            + "\(code(retrying.lastCode)): \(retrying.lastMessage)"))
      lines.append(fact("next attempt", "\(retrying.nextAttemptAt.rfc3339)"))
    case .working(nil): break
    }
    if let pause = machine.pause {
      lines.append(fact("paused", self.pause(pause)))
    }
    if let timer = machine.timer { lines.append(fact("timer", "\(timer.rfc3339)")) }
    if let auxState = machine.auxState { lines.append(fact("aux state", content(auxState))) }
    lines.append(fact("created", "\(machine.createdAt.rfc3339)"))
    let shown = machine.history.count
    let all = Int64(shown) == machine.lastEventID
    lines.append(
      fact("events", all ? "\(shown)" : "\(machine.lastEventID), \(shown) of them shown"))
    for event in machine.history {
      lines.append("  \(event.id)  \(event.createdAt.rfc3339)  \(content(event.body))")
    }
    return lines
  }

  /// Since when, and why if that was said.
  static func pause(_ pause: Pause) -> TerminalText {
    "since \(pause.pausedAt.rfc3339)" + (pause.reason.isEmpty ? "" : ": \(pause.reason)")
  }

  /// A name and what it is.
  static func fact(_ name: String, _ value: TerminalText) -> TerminalText {
    "  \(name)\(String(repeating: " ", count: max(1, 14 - name.count)))\(value)"
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

  private static func step(_ kind: StepKind) -> String {
    switch kind {
    case .start: "start"
    case .call: "call"
    case .notification: "notification"
    case .timeout: "timeout"
    case .repair: "repair"
    }
  }

  private static func code(_ number: Int32) -> String {
    StatusCode(rawValue: Int(number))?.name ?? String(number)
  }
}
