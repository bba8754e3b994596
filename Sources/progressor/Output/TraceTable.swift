import GRPC
import MachineModel

/// Records of a machine's steps as rows.
struct TraceTable {
  private var table: TextTable

  /// - Parameter width: The terminal's columns; nil = what reads it is none.
  init(width: Int?) {
    table = TextTable(
      header: [
        "ENDED", "TOOK", "STEP", "OUTCOME", "ATTEMPT", "EVENTS", "BY", "CODE", "MESSAGE",
      ], width: width)
  }

  /// The lines of a page, the first with the header before it.
  mutating func lines(_ records: [StepRecord]) -> [TerminalText] {
    table.lines(records.map(TraceTable.row))
  }

  static func row(_ record: StepRecord) -> [TerminalText] {
    [
      "\(record.endedAt.rfc3339)", took(record), record.kind.map(name) ?? "-",
      name(record.outcome), record.attempt == 0 ? "-" : "\(record.attempt)", events(record),
      record.principal.map { "\($0)" } ?? "-",
      record.code == 0 ? "-" : "\(code(record.code))",
      record.message.isEmpty ? "-" : PayloadText.line(record.message),
    ]
  }

  private static func took(_ record: StepRecord) -> TerminalText {
    let microseconds = record.endedAt.microseconds - record.beganAt.microseconds
    return record.step.isEmpty ? "-" : "\(microseconds / 1_000).\(microseconds % 1_000 / 100)ms"
  }

  private static func events(_ record: StepRecord) -> TerminalText {
    if record.firstEventID == 0 { return "-" }
    if record.firstEventID == record.lastEventID { return "\(record.firstEventID)" }
    return "\(record.firstEventID)-\(record.lastEventID)"
  }

  private static func name(_ kind: StepKind) -> TerminalText {
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

  private static func name(_ outcome: StepOutcome) -> TerminalText {
    switch outcome {
    case .unknown: "-"
    case .committed: "committed"
    case .refused: "refused"
    case .retried: "retried"
    case .failed: "failed"
    case .repaired: "repaired"
    case .paused: "paused"
    case .resumed: "resumed"
    }
  }

  private static func code(_ code: Int32) -> String {
    StatusCode(rawValue: Int(code))?.name ?? String(code)
  }
}
