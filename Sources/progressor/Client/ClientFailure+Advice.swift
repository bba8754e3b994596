import GRPC

extension ClientFailure {
  /// What to do; nil = there is nothing that the text does not say.
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
    case "STALE":
      "See what changed with `progressor machine get`, and decide again."
    case "MACHINE_ALREADY_WORKING": "Only failed machines are repaired; this one needs none."
    case "EVENT_NOT_FOUND": "Ask for events after an id that the history has."
    case "HISTORY_TOO_LARGE": "Ask for a part of it with --limit and --after."
    case "PROCESSOR_UNAVAILABLE": processorAdvice
    case "STORAGE_UNAVAILABLE", "NOT_OWNER", "OVERLOADED":
      "Try again in a moment\(keyAdvice)."
    case "DATA_DAMAGED":
      "Its rows in the database have to be mended; `machine remove` needs none of a machine's."
    case "STORAGE_REFUSED":
      "PostgreSQL does not take these data: see its message, and the server's log."
    case "REPAIR_JOB_NOT_FOUND": "See `progressor repair-job list`."
    case "REPAIR_JOB_ALREADY_EXISTS":
      "See it with `progressor repair-job get`, or take another --job-id."
    case "START_FAILED", "REPAIR_FAILED": "The processor's log should say more."
    default: adviceByCode
    }
  }

  /// Of commands that have it.
  private var keyAdvice: String {
    takesKey ? "; with --key a repeat has no second effect" : ""
  }

  private var adviceByCode: String? {
    switch status.code {
    case .unavailable where reason == nil: serverAdvice
    case .unimplemented where reason == nil: "Is that a Progressor server of this version?"
    case .deadlineExceeded: deadlineAdvice
    case .unauthenticated:
      "Name the file of your token with --token-file, or set PROGRESSOR_TOKEN_FILE."
    default: nil
    }
  }

  /// Whether a server may be missing is asked only if none was met.
  private var serverAdvice: String {
    if localReason == .connectionLost || seen && localReason != nil {
      return repeatability == .read
        ? "The connection ended before the answer: try again."
        : "The connection ended before the answer, so the outcome is unknown: look first, then "
          + "try again\(keyAdvice)."
    }
    if localReason == .unreachable, message.contains("no TLS: ") { return securityAdvice }
    let places = attempts.count > 1 ? "any of these" : "\(server)"
    return "Is a server running at \(places)? Start one with `progressor serve`, or name another "
      + "with --server."
  }

  /// Somebody answered, and there was no TLS with it.
  private var securityAdvice: String {
    if message.contains("demands a certificate") {
      return "Show this client's certificate with --tls-certificate and --tls-key."
    }
    if message.contains("certificate verify failed") {
      return "Name who signed the server's certificate with --tls-ca."
    }
    if message.contains("of another name") || message.contains("has not the DNS name") {
      return "Name the server as its certificate does with --tls-server-name."
    }
    return "\(server) answers, but not as --tls and the options beside it have it."
  }

  /// The server has the command's deadline only; the processor's own timeout is another error.
  private var deadlineAdvice: String {
    let whose =
      localReason == .deadline
      ? "" : "The deadline is this command's --timeout\(timeoutText), as the server heard it. "
    let more = "allow more time with --timeout."
    switch repeatability {
    case .read: return whose + "Nothing was changed: " + more
    case .keyed:
      return whose + "The outcome is unknown: a repeat with the same --key has no second effect; "
        + more
    case .once:
      return whose + "The outcome is unknown: look with `progressor machine get`, or " + more
    }
  }

  /// The server's text says whether the processor was reached at all.
  private var processorAdvice: String {
    let message = status.message
    if message.hasPrefix("no connection") || message.contains("has no endpoint") {
      return "Is the processor running? Its address is in `progressor namespace get`."
    }
    if message.contains("within the call's timeout") {
      return "The deadline is the processor's timeout, not --timeout: the processor was asked and "
        + "took longer. See its log; `progressor namespace update --processor-timeout` allows more."
    }
    return "The processor was reached; its log should say more. Try again in a moment."
  }
}
