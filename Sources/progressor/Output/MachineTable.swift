import GRPC
import MachineModel

/// Machines as rows: what each is, since or until when, and why. A narrow terminal is not shown the
/// last columns.
struct MachineTable {
  private static let header: [TerminalText] = [
    "ID", "STATUS", "EVENTS", "QUEUED", "TIME", "CODE", "REASON", "STEP", "BY",
  ]
  /// The place of REASON, which is cut first, and the last on a narrow terminal.
  private static let reason = 6
  /// Columns of a terminal that has room for all.
  static let wide = 120

  private var table: TextTable
  private let isTerminal: Bool
  private let columns: Int

  /// - Parameter width: The terminal's columns; nil = what reads it is none.
  init(width: Int?) {
    let isNarrow = width.map { $0 < MachineTable.wide } ?? false
    columns = isNarrow ? MachineTable.reason + 1 : MachineTable.header.count
    table = TextTable(
      header: Array(MachineTable.header.prefix(columns)), width: width, cut: MachineTable.reason)
    isTerminal = width != nil
  }

  /// The lines of a page, the first with the header before it.
  mutating func lines(_ machines: [Machine]) -> [TerminalText] {
    let rows = machines.map { MachineTable.row($0, shortTimes: isTerminal) }
    return table.lines(rows.map { Array($0.prefix(columns)) })
  }

  /// - Parameter shortTimes: Without parts of seconds.
  static func row(_ machine: Machine, shortTimes: Bool = false) -> [TerminalText] {
    let facts = facts(machine)
    let time = facts.time.map { time in
      shortTimes ? Timestamp(microseconds: floorToSeconds(time.microseconds)) : time
    }
    return [
      "\(machine.machineID.id)", facts.status, "\(machine.lastEventID)",
      "\(machine.queuedNotifications)",
      time.map { "\($0.rfc3339)" } ?? "-",
      facts.code.map { "\(name($0))" } ?? "-",
      facts.reason.map { PayloadText.line($0) } ?? "-",
      facts.step.map { "\(MachineText.step($0))" } ?? "-",
      facts.principal.map { "\($0)" } ?? "-",
    ]
  }

  private static func facts(_ machine: Machine) -> Facts {
    let paused: TerminalText = machine.pause == nil ? "" : ",paused"
    switch machine.status {
    case .failed(let failure):
      return Facts(
        status: "failed" + paused, time: failure.failedAt, code: failure.code,
        reason: failure.reason, step: failure.stepKind, principal: failure.principal)
    case .working(let retrying?):
      return Facts(
        status: "retrying" + paused, time: retrying.nextAttemptAt,
        code: retrying.lastCode, reason: retrying.lastMessage, step: retrying.stepKind)
    case .working(nil):
      guard let pause = machine.pause else {
        return Facts(status: "working", time: machine.timer, reason: machine.waitingFor)
      }
      return Facts(
        status: "working,paused", time: pause.pausedAt,
        reason: pause.reason.isEmpty ? nil : pause.reason, principal: pause.principal)
    }
  }

  private struct Facts {
    let status: TerminalText
    /// When it failed, is tried next, was paused, or its timer is due.
    let time: Timestamp?
    var code: Int32?
    var reason: String?
    /// What failed.
    var step: StepKind?
    /// Who asked for what failed, or for the pause.
    var principal: String?
  }

  private static func floorToSeconds(_ microseconds: Int64) -> Int64 {
    let rest = microseconds % 1_000_000
    return microseconds - (rest < 0 ? rest + 1_000_000 : rest)
  }

  private static func name(_ code: Int32) -> String {
    StatusCode(rawValue: Int(code))?.name ?? String(code)
  }
}
