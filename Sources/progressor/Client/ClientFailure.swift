import GRPC
import ProgressorProto

/// A call that did not end with OK, as it is told to people.
struct ClientFailure: Error, CustomStringConvertible {
  let status: RPCStatus
  let server: ChannelTarget

  /// Progressor's reason, nil = the server itself gave none.
  var reason: String? {
    let details = status.details.flatMap { try? RichStatus(decoding: $0) }
    return details?.errorInfos.first { $0.domain == ErrorInfo.progressorDomain }?.reason
  }

  var description: String { text.text }

  /// `NOT_FOUND MACHINE_NOT_FOUND: there is no machine …`, and what to do on a line of its own.
  var text: TerminalText {
    var text: TerminalText = "\(status.code.name)"
    if let reason, reason != status.code.name { text += " \(reason)" }
    if !status.message.isEmpty { text += ": \(status.message)" }
    if let advice { text += "\n\(advice)" }
    return text
  }

  /// What to do.
  var advice: String? {
    switch reason {
    case "NAMESPACE_NOT_FOUND":
      "See `progressor namespace list`; make one with `progressor namespace create`."
    case "NAMESPACE_ALREADY_EXISTS": "It exists already: see `progressor namespace get`."
    case "NAMESPACE_VERSION_MISMATCH":
      "See what it is now with `progressor namespace get`, and change that."
    case "NAMESPACE_NOT_EMPTY":
      "See them with `progressor machine list`; remove each, or keep the namespace."
    case "MACHINE_NOT_FOUND":
      "See `progressor machine list`; start one with `progressor machine start`."
    case "MACHINE_ALREADY_EXISTS": "Take another id, or remove that machine first."
    case "MACHINE_FAILED":
      "See why with `progressor machine get`, then `progressor machine repair` or simple-repair."
    case "MACHINE_ALREADY_WORKING": "Only failed machines are repaired; this one needs none."
    case "EVENT_NOT_FOUND": "Ask for events after an id that the history has."
    case "HISTORY_TOO_LARGE": "Ask for a part of it with --limit and --after."
    case "PROCESSOR_UNAVAILABLE":
      "Is the processor running? Its address is in `progressor namespace get`."
    case "STORAGE_UNAVAILABLE", "NOT_OWNER", "OVERLOADED":
      "Try again in a moment; with --key a repeat has no second effect."
    case "DATA_DAMAGED":
      "Its rows in the database have to be mended; `machine remove` needs none of a machine's."
    case "STORAGE_REFUSED":
      "PostgreSQL does not take these data: see its message, and the server's log."
    case "REPAIR_JOB_NOT_FOUND": "See `progressor repair-job list`."
    case "REPAIR_JOB_ALREADY_EXISTS":
      "See it with `progressor repair-job get`, or take another --job-id."
    case "START_FAILED", "REPAIR_FAILED": "The processor's log should say more."
    case nil where status.code == .unavailable:
      "Is a server running at \(server)? Start one with `progressor serve`, or name another with "
        + "--server."
    case nil where status.code == .unimplemented:
      "Is that a Progressor server of this version?"
    default:
      status.code == .deadlineExceeded
        ? "The outcome is unknown: look with `progressor machine get`, or allow more time with "
          + "--timeout." : nil
    }
  }
}
