import GRPC
import MachineModel
import ProgressorServer

/// Machines as rows: what each is, since or until when, and why.
struct MachineTable {
  private var table: TextTable
  private let isTerminal: Bool

  /// - Parameter width: The terminal's columns; nil = what reads it is none.
  init(width: Int?) {
    table = TextTable(header: ["ID", "STATUS", "EVENTS", "TIME", "CODE", "REASON"], width: width)
    isTerminal = width != nil
  }

  /// The lines of a page, the first with the header before it.
  mutating func lines(_ machines: [Machine]) -> [TerminalText] {
    table.lines(machines.map { MachineTable.row($0, shortTimes: isTerminal) })
  }

  /// - Parameter shortTimes: Without parts of seconds.
  static func row(_ machine: Machine, shortTimes: Bool = false) -> [TerminalText] {
    let facts = facts(machine)
    let time = facts.time.map { time in
      shortTimes ? Timestamp(microseconds: floorToSeconds(time.microseconds)) : time
    }
    return [
      "\(machine.machineID.id)", facts.status, "\(machine.lastEventID)",
      time.map { "\($0.rfc3339)" } ?? "-",
      facts.code.map { "\(name($0))" } ?? "-",
      facts.reason.map { PayloadText.line($0) } ?? "-",
    ]
  }

  private static func facts(_ machine: Machine) -> Facts {
    let paused: TerminalText = machine.pause == nil ? "" : ",paused"
    switch machine.status {
    case .failed(let failure):
      return Facts(
        status: "failed" + paused, time: failure.failedAt, code: failure.code,
        reason: failure.reason)
    case .working(let retrying?):
      return Facts(
        status: "retrying" + paused, time: retrying.nextAttemptAt,
        code: retrying.lastCode, reason: retrying.lastMessage)
    case .working(nil):
      guard let pause = machine.pause else {
        return Facts(status: "working", time: machine.timer)
      }
      return Facts(
        status: "working,paused", time: pause.pausedAt,
        reason: pause.reason.isEmpty ? nil : pause.reason)
    }
  }

  private struct Facts {
    let status: TerminalText
    /// When it failed, is tried next, was paused, or its timer is due.
    let time: Timestamp?
    var code: Int32?
    var reason: String?
  }

  private static func floorToSeconds(_ microseconds: Int64) -> Int64 {
    let rest = microseconds % 1_000_000
    return microseconds - (rest < 0 ? rest + 1_000_000 : rest)
  }

  private static func name(_ code: Int32) -> String {
    StatusCode(rawValue: Int(code))?.name ?? String(code)
  }
}
