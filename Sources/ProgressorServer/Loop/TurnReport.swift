import ProgressorEngine

/// What a turn of the engine's loop did, by kinds and numbers, for the log.
struct TurnReport {
  private(set) var inputs: [String: Int] = [:]
  private(set) var effects: [String: Int] = [:]

  init(_ entries: [EngineInbox.Entry], _ effects: [Effect]) {
    for entry in entries { inputs[entry.kind, default: 0] += 1 }
    for effect in effects { self.effects[effect.kind, default: 0] += 1 }
  }

  /// `loaded 3, request 512`; the most first.
  static func text(_ counts: [String: Int]) -> String {
    counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}

extension EngineInbox.Entry {
  fileprivate var kind: String {
    switch self {
    case .request(let request, _): request.operation.form.name
    case .input(let input): input.kind
    }
  }
}

extension Input {
  fileprivate var kind: String {
    switch self {
    case .request(let request): request.operation.form.name
    case .cancelled: "cancelled"
    case .loaded: "loaded"
    case .listed: "listed"
    case .traceRead: "traceRead"
    case .due: "due"
    case .messagesDue: "messagesDue"
    case .messagesLoaded: "messagesLoaded"
    case .delivered: "delivered"
    case .processorAnswered: "processorAnswered"
    case .endpointReady: "endpointReady"
    case .committed: "committed"
    case .refused: "refused"
    case .commitDelayed: "commitDelayed"
    case .fenced: "fenced"
    case .leaseRenewed: "leaseRenewed"
    case .shardsAcquired: "shardsAcquired"
    case .shardsLost: "shardsLost"
    case .permits: "permits"
    case .namespacesChanged: "namespacesChanged"
    case .timePassed: "timePassed"
    }
  }
}

extension Effect {
  fileprivate var kind: String {
    switch self {
    case .reply: "reply"
    case .load: "load"
    case .list: "list"
    case .readTrace: "readTrace"
    case .readDue: "readDue"
    case .readMessages: "readMessages"
    case .loadMessages: "loadMessages"
    case .deliver: "deliver"
    case .invoke: "invoke"
    case .callOff: "callOff"
    case .awaitEndpoint: "awaitEndpoint"
    case .sendPermits: "sendPermits"
    case .commit: "commit"
    case .wake: "wake"
    }
  }
}
