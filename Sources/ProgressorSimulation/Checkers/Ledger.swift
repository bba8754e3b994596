import MachineModel
import ProgressorEngine

/// What really happened, kept beside the engine and never shown to it: the checkers compare.
///
/// Each checker is an extension of it: invocations, commits, replies, reads, bounds. All of them
/// recognise a step by the tags in its payloads, not by what the engine says of it.
struct Ledger {
  /// By number, which is also the tag of the processor's answer.
  var invocations: [InvocationRecord] = []
  /// Under way, by node and machine.
  var active: [NodeMachine: Int] = [:]
  /// Answered last, by node and machine, and not yet seen in the database.
  var concluded: [NodeMachine: Int] = [:]
  /// Steps that were answered and could not be written so far, by node and machine: under which
  /// epoch.
  var postponed: [NodeMachine: Int64] = [:]
  /// Invocations in flight, by node and namespace.
  var callsInFlight: [NodeNamespace: Int] = [:]
  /// Steps whose answers are in a batch on its way, by node and namespace, and their machines.
  var stepsBeingWritten: [NodeNamespace: Int] = [:]
  var beingWritten: [NodeMachine: NamespaceNumber] = [:]
  /// Machines of batches that were refused, by node, until a step of theirs is written: what they
  /// take may stand aside.
  var aside: Set<NodeMachine> = []

  var requests: [RequestID: ClientRequest] = [:]
  /// Requests under way on a machine, in the order of their sending.
  var watchers: [MachineID: [RequestID]] = [:]
  /// Requests that an engine holds.
  var heldByCore: [NodeEngine: Int] = [:]
  /// Calls without a key that the engine holds, by node and machine.
  var heldCalls: [NodeMachine: Int] = [:]

  /// Requests whose effects are in the database: the invocation's number by the request's tag.
  var effects: [UInt64: Int] = [:]
  /// Starts whose machine was made and removed in one step, of which nothing is ever seen.
  var vanished: Set<UInt64> = []
  /// Requests that were told that nothing happened.
  var denied: Set<UInt64> = []
  var keys: [KeyName: RememberedReply] = [:]
  var accepted: [String: AcceptedNotification] = [:]
  var incarnations: [Incarnation: IncarnationRecord] = [:]
  /// Messages of committed steps, by what they carry; and the tags of those that are in the
  /// database.
  var messages: [UInt64: SentMessage] = [:]
  var messageTags: [MessageRef: UInt64] = [:]
  /// Names of namespaces that were deleted.
  var gone: Set<ExactText> = []

  /// What is recorded in each namespace that is known; it never changes.
  var traceLevels: [ExactText: TraceLevel] = [:]
  /// Refusals in the database, and those that clients heard of.
  var refusalsRecorded: [MachineID: Int] = [:]
  var refusalsTold: [MachineID: Int] = [:]

  /// How often each machine changed in the database, and the latest of these states that a reader
  /// saw: whoever asks after that sees no earlier one.
  private var revisions: [MachineID: Int] = [:]
  private var shown: [MachineID: Int] = [:]

  /// Attempts of the present timer and the head of the queue that were put off, in the database.
  var attempts: [Retried: Int32] = [:]
  /// Invocations whose answers are in the database, in that order.
  var committed: [Int] = []

  var committedSteps = 0
  var deliveredNotifications = 0
  var droppedNotifications = 0
  var firedTimers = 0
  var answeredRequests = 0

  init() {}

  /// The node and everything under way on it are gone; its clients do not know what became of
  /// their requests.
  mutating func nodeDied(_ node: Int) {
    for key in active.keys where key.node == node { active[key] = nil }
    for key in concluded.keys where key.node == node { concluded[key] = nil }
    for key in postponed.keys where key.node == node { postponed[key] = nil }
    for key in callsInFlight.keys where key.node == node { callsInFlight[key] = nil }
    for key in stepsBeingWritten.keys where key.node == node { stepsBeingWritten[key] = nil }
    aside = aside.filter { $0.node != node }
    for key in beingWritten.keys where key.node == node { beingWritten[key] = nil }
    for key in heldCalls.keys where key.node == node { heldCalls[key] = nil }
    for key in heldByCore.keys where key.node == node { heldByCore[key] = nil }
    for id in requests.keys.filter({ requests[$0]?.node == node }) { forget(id) }
  }

  /// Nobody waits for the request any more.
  mutating func forget(_ id: RequestID) {
    guard let request = requests.removeValue(forKey: id) else { return }
    watchers[request.machine]?.removeAll { $0 == id }
    if watchers[request.machine]?.isEmpty == true { watchers[request.machine] = nil }
    guard request.isHandled else { return }
    if !request.mayWait {
      heldByCore[NodeEngine(node: request.node, core: id.core), default: 0] -= 1
    }
    if case .call(_, _, nil) = request.operation {
      heldCalls[NodeMachine(node: request.node, machine: request.machine), default: 0] -= 1
    }
  }
}

extension Ledger {
  /// What is known of what is durable: all that a database loses that goes back in time.
  struct Durable {
    fileprivate var effects: [UInt64: Int]
    fileprivate var keys: [KeyName: RememberedReply]
    fileprivate var accepted: [String: AcceptedNotification]
    fileprivate var incarnations: [Incarnation: IncarnationRecord]
    fileprivate var messages: [UInt64: SentMessage]
    fileprivate var messageTags: [MessageRef: UInt64]
    fileprivate var attempts: [Retried: Int32]
    fileprivate var committed: Int
  }

  var durable: Durable {
    Durable(
      effects: effects, keys: keys, accepted: accepted, incarnations: incarnations,
      messages: messages, messageTags: messageTags, attempts: attempts, committed: committed.count)
  }

  /// Everything since is lost, and whoever waits may hear of it.
  mutating func goBack(to past: Durable) {
    effects = past.effects
    keys = past.keys
    accepted = past.accepted
    incarnations = past.incarnations
    messages = past.messages
    messageTags = past.messageTags
    attempts = past.attempts
    for number in committed[past.committed...] { invocations[number].isCommitted = false }
    committed.removeSubrange(past.committed...)
    for id in requests.keys { requests[id]?.isExcused = true }
    shown = [:]
  }
}

extension Ledger {
  func revision(of machine: MachineID) -> Int { revisions[machine, default: 0] }

  mutating func revised(_ machine: MachineID) { revisions[machine, default: 0] += 1 }

  /// The state that whoever asks from now on sees at least.
  func floor(of machine: MachineID) -> Int { shown[machine, default: 0] }

  mutating func show(_ machine: MachineID, revision: Int) {
    shown[machine] = max(revision, floor(of: machine))
  }
}

/// A state of a machine in the database; nil = there was none of this name.
struct Revised {
  var number: Int
  var machine: StoredMachine?
}

/// What is tried again: a setting of a timer, or a queued notification.
struct Retried: Hashable {
  var incarnation: Incarnation
  var kind: StepKind
  /// The timer's serial, or the notification's sequence.
  var serial: Int64
}

struct NodeMachine: Hashable {
  var node: Int
  var machine: MachineID
}

struct NodeEngine: Hashable {
  var node: Int
  var core: CoreNumber
}

struct NodeNamespace: Hashable {
  var node: Int
  var namespace: NamespaceNumber
}

/// What a node was when one of its engines did something.
struct NodeView {
  var number: Int
  var life: Int
  var identity: Int?
  /// When the lease ends, as the engine was told.
  var trustedUntil: Int64
  var latestWall: Timestamp
  /// The shard's epoch, as the engine was told; nil = the shard is not its own.
  var epoch: Int64?
  /// Whether the database says so too.
  var isOwner: Bool
}

/// An invocation, as the engine asked for it.
struct InvocationRecord {
  let number: Int
  let node: Int
  let life: Int
  let identity: Int?
  let epoch: Int64
  let machine: MachineID
  let namespace: NamespaceNumber
  let step: StepID
  let attempt: Int32
  let kind: StepKind
  /// Of the request's arguments, for start, call and repair.
  let tag: UInt64?
  let notificationID: String?
  let incarnation: MachineKey?
  let timerSerial: Int64?
  let principal: String?
  let deadline: Int64

  /// The engine counts it among those in flight.
  var isCounted = true
  /// Its end reached the engine.
  var isEnded = false
  /// What the processor answered, nil = something else, or nothing yet.
  var answer: ProcessorAnswer?
  /// What it answered breaks a limit or a rule, and must not be written.
  var isUnusable = false
  /// The database will not take what it answered.
  var isPoisoned = false
  var isCommitted = false
}

struct AcceptedNotification {
  let tag: UInt64?
  let machine: MachineID
  let incarnation: Incarnation
  let sequence: Int64
  var isDelivered = false
  /// An operator dropped it: it need not be delivered any more, and must not.
  var isDropped = false
}

struct IncarnationRecord {
  var lastSequence: Int64 = 0
  var lastSerial: Int64 = 0
  var lastTraced: Int64 = 0
  /// Settings of the timer that led to a committed step.
  var fired: Set<Int64> = []
}
