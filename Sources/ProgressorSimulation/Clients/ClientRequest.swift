import MachineModel
import ProgressorEngine

/// A request that a client waits for, and what was true of its machine since it was sent.
struct ClientRequest {
  let id: RequestID
  let node: Int
  let life: Int
  let machine: MachineID
  let operation: Operation
  /// Stands in the arguments; repeats under one key carry the same.
  let tag: UInt64
  let sentAt: Int64
  let deadline: Int64

  /// The last event of the machine that it is for; nil = whatever it is.
  var expected: Int64?
  /// It was under way when the database went back in time: what it hears may be lost.
  var isExcused = false
  /// A node may have been taken over before its own clock says so: it may show what was.
  var maySeePast = false
  /// The engine has taken it in, and holds it.
  var isHandled = false

  /// States of the machine that were committed at some time since it was sent.
  var sawAbsent = false
  var sawPresent = false
  var sawWorking = false
  var sawFailed = false
  var sawPaused = false
  var sawUnpaused = false
  /// Changes that were committed since it was sent.
  var sawDeletion = false
  var sawRepair = false
  /// Its machine had another last event than it is for.
  var sawUnexpected = false
  /// The notification that it drops was not queued.
  var sawNotQueued = false
  /// For Get: every state since it was sent, and the first of them that it may be shown: a Get
  /// before it was shown this one.
  var states: [Revised] = []
  var floor = 0
  /// For Trace: the newest record that was there when it was sent.
  var newestRecord: Int64 = 0
  /// What its key remembered when it was sent.
  var remembered: RememberedReply?

  var key: String? { operation.key }

  /// It is shown a machine: Get, or a piece of a Watch.
  var isGet: Bool {
    switch operation {
    case .get, .watch: true
    default: false
    }
  }

  /// It may wait for its machine to change: it then counts apart from the others.
  var mayWait: Bool {
    switch operation {
    case .get(_, .some): true
    case .watch(let query): query.since != nil
    default: false
    }
  }

  /// A state that its machine is in, or comes into, while it is under way.
  mutating func sees(_ state: Revised) {
    if let machine = state.machine {
      sawPresent = true
      if machine.row.pause == nil { sawUnpaused = true } else { sawPaused = true }
      if machine.row.failure == nil { sawWorking = true } else { sawFailed = true }
      if let expected, machine.row.lastEventID != expected { sawUnexpected = true }
    } else {
      sawAbsent = true
    }
    if isGet { states.append(state) }
    if case .dropNotification(let id) = operation,
      !(state.machine?.notifications.contains { $0.notificationID == id } ?? false)
    {
      sawNotQueued = true
    }
  }
}

/// What the database remembers under a key, and whose it is.
struct RememberedReply {
  var tag: UInt64
  var reply: StoredReply
}

extension Operation {
  /// For traces and messages.
  var name: String {
    if case .get(_, let wait?) = self { "get, when \(wait)," } else { form.name }
  }
}

extension StoredReply {
  /// What a client hears when it asks again.
  var reply: Reply {
    switch self {
    case .started: .started
    case .called(let response): .called(response: response)
    case .notified(let notificationID): .notified(notificationID: notificationID)
    case .repaired(let response): .repaired(response: response)
    }
  }
}
