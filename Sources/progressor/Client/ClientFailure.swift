import GRPC
import ProgressorProto
import ProgressorServer

/// A call that did not end with OK, as it is told to people and programs.
struct ClientFailure: Error, CustomStringConvertible {
  /// A server that was asked, and how that ended.
  struct Attempt: Sendable, Hashable {
    let server: ChannelTarget
    let status: RPCStatus
  }

  let status: RPCStatus
  /// The server that was asked last.
  let server: ChannelTarget
  /// Why the status was made up by this program; nil = the server sent it.
  var localReason: LocalReason?
  /// False when the server certainly did not see the request.
  var seen = true
  var repeatability = Repeatability.once
  /// The command has `--key`.
  var takesKey = false
  /// What `--timeout` was, in microseconds; nil = unknown.
  var timeout: Int?
  /// Every server that was asked, in this order, the last one included.
  var attempts: [Attempt] = []

  /// The contract's details, nil = none came.
  var info: ErrorInfo? {
    let details = status.details.flatMap { try? RichStatus(decoding: $0) }
    return details?.errorInfos.first { $0.domain == ErrorInfo.progressorDomain }
  }

  /// Progressor's reason, nil = the server itself gave none.
  var reason: String? { info?.reason }

  var description: String { text.text }

  /// `NOT_FOUND MACHINE_NOT_FOUND: there is no machine …`; the servers that were tried, if there
  /// were several, and what to do, each on a line of its own.
  var text: TerminalText {
    var text: TerminalText = "\(status.code.name)"
    if let reason, reason != status.code.name { text += " \(reason)" }
    if !message.isEmpty { text += ": \(message)" }
    if attempts.count > 1 {
      for attempt in attempts { text += "\ntried \(attempt.server): \(attempt.status)" }
    }
    if let advice { text += "\n\(advice)" }
    return text
  }

  /// What the server said; of this program's own deadline, that it was this one.
  var message: String {
    guard localReason == .deadline else { return status.message }
    return "no answer of \(server) within this command's --timeout\(timeoutText)"
  }

  /// ` (30s)`
  var timeoutText: String { timeout.map { " (\(Quantity.text(microseconds: $0)))" } ?? "" }

  /// `{"error": {…}}`, for programs.
  var json: JSONValue { json(note: nil) }

  /// - Parameter note: What the command knows beside it.
  func json(note: TerminalText?) -> JSONValue {
    var members = [
      JSONValue.Member("code", .string(status.code.name)),
      JSONValue.Member("reason", .string(reason ?? ownReason)),
      JSONValue.Member("message", .string(message)),
      JSONValue.Member("metadata", metadata),
      JSONValue.Member("server", .string("\(server)")),
    ]
    if attempts.count > 1 {
      let tried = attempts.map { attempt in
        JSONValue.members([
          "server": .string("\(attempt.server)"), "code": .string(attempt.status.code.name),
          "message": .string(attempt.status.message),
        ])
      }
      members.append(JSONValue.Member("tried", .array(tried)))
    }
    if let note { members.append(JSONValue.Member("note", .string(note.text))) }
    return .members(["error": .object(members)])
  }

  private var metadata: JSONValue {
    let pairs = (info?.metadata ?? [:]).sorted { $0.key < $1.key }
    return .object(pairs.map { JSONValue.Member($0.key.text, .string($0.value)) })
  }

  /// This program's own reason; empty = it has none.
  private var ownReason: String {
    switch localReason {
    case .unreachable: "SERVER_UNREACHABLE"
    case .connectionLost: "CONNECTION_LOST"
    case .deadline: "COMMAND_TIMEOUT"
    default: ""
    }
  }

  /// Whether the next server may be asked: nobody saw the request, or a repeat harms nothing and
  /// another server may know better.
  var allowsNextServer: Bool {
    guard status.code == .unavailable, !isPaused else { return false }
    return !seen || refusedUnseen || repeatability != .once
  }

  /// The server is not the owner, and says that it did nothing and had nobody else do it.
  private var refusedUnseen: Bool {
    info.map { $0.reason == "NOT_OWNER" && $0.metadata["happened"] == "nothing" }
      ?? false
  }

  /// What was asked waits for people, whatever server is asked.
  var isPaused: Bool { reason == "MACHINE_PAUSED" || reason == "NAMESPACE_PAUSED" }

  /// What was asked may have happened.
  var leavesOutcomeOpen: Bool {
    !refusedUnseen && [.unavailable, .deadlineExceeded].contains(status.code)
      && repeatability != .read
  }

  /// The server is not there, or busy.
  var isTemporary: Bool {
    [.unavailable, .deadlineExceeded, .resourceExhausted].contains(status.code)
  }
}
