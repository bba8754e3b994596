import MachineModel

/// A machine in the memory of its shard's owner.
///
/// An object, not a value, since steps, loads and batches refer to it; it belongs to one engine and
/// never leaves it.
final class ResidentMachine {
  /// What memory knows of the machine's row.
  enum Presence {
    case unknown
    case absent
    case present(MachineRow)
  }

  let id: MachineID
  let shard: OwnedShard
  let namespace: NamespaceState

  /// Always what is committed: changes arrive here with `Input.committed`.
  var presence = Presence.unknown
  var history: HistoryWindow
  var notifications = NotificationQueue()
  var outbox = Outbox()

  var mailbox = Mailbox()
  /// The step that it takes; most machines in memory take none.
  var running: RunningStep?

  /// A timeout (a delivery) is in the mailbox or running.
  var timeoutQueued = false
  var deliveryQueued = false
  /// It was let in to do something by itself, and counts against its namespace's limit.
  var isActive = false

  /// Its requests that are not answered yet.
  var requests: Set<RequestID> = []
  /// Notify requests that wait for a Start or Remove before them.
  var waitingNotifies = RemovalQueue<RequestID>()
  /// Get requests that wait until it is known how the running step's commit ended.
  var waitingReads: Set<RequestID> = []
  /// Accepted notifications on their way to the database.
  private(set) var enqueuesInFlight = 0
  /// None of them has a smaller sequence.
  private(set) var firstEnqueued: Int64 = 0
  /// Messages of which it is being written what became of them.
  var settling: Set<MessageRef> = []
  var loadsInFlight = 0
  var keys: [ExactText: PendingKey] = [:]

  /// It became due while its row was being read for another purpose.
  var wantsWake = false
  /// What was charged for it.
  var charge = Residency.Charge()
  /// What its notification holds that is kept, since it cannot be written now.
  var kept = StepMemory.Kept()
  /// Its place among the idle machines; see ``IdleMachines``.
  unowned var idleBefore: ResidentMachine?
  unowned var idleAfter: ResidentMachine?
  var isListed = false
  /// What memory knows of it turned out to be wrong: it is let go of after its step.
  var isDistrusted = false
  /// The engine let go of it; whatever still refers to it comes too late.
  var isDropped = false

  init(id: MachineID, shard: OwnedShard, namespace: NamespaceState, windowBytes: Int) {
    self.id = id
    self.shard = shard
    self.namespace = namespace
    self.history = HistoryWindow(maximumBytes: windowBytes)
  }

  /// A notification of this sequence is on its way to the database.
  func enqueueBegan(_ sequence: Int64) {
    assert(sequence >= firstEnqueued, "later notifications have larger sequences")
    if enqueuesInFlight == 0 { firstEnqueued = sequence }
    enqueuesInFlight += 1
  }

  /// It is known what became of the notification, and so of all before it.
  func enqueueEnded(_ notification: QueuedNotification) {
    enqueuesInFlight -= 1
    assert(enqueuesInFlight >= 0, "more notifications ended than were accepted")
    firstEnqueued = max(firstEnqueued, notification.sequence + 1)
  }

  /// Records of it that wait for a writer or are on their way, at most.
  var recordsInFlight: Int { enqueuesInFlight + settling.count + (isCommitting ? 1 : 0) }

  /// Its step's record waits for a writer or is on its way.
  var isCommitting: Bool { running?.writing != nil }

  /// Its step cannot be written now.
  var standsAside: Bool { running?.isAside == true }

  var row: MachineRow? {
    if case .present(let row) = presence { return row }
    return nil
  }

  var isUnknown: Bool {
    if case .unknown = presence { return true }
    return false
  }

  /// Nothing refers to it: it may leave memory.
  var isIdle: Bool {
    running == nil && mailbox.isEmpty && waitingNotifies.isEmpty && keys.isEmpty
      && enqueuesInFlight == 0 && settling.isEmpty && loadsInFlight == 0
  }

  /// About what it takes in memory, its places in the engine's tables and its requests included.
  var bytes: Int {
    var sum = ResidentMachine.bareBytes + id.id.heapBytes + history.bytes
    sum += row?.heapBytes ?? 0
    sum += notifications.residentBytes + outbox.bytes + charge.requests + charge.unheard
    if running != nil { sum += ResidentMachine.stepBytes }
    return sum
  }

  private static let bareBytes = 1_120
  private static let stepBytes = 1_120

  /// Takes over what was read, unless memory knows better meanwhile.
  func adopt(_ loaded: Loaded) {
    guard isUnknown else { return }
    guard let row = loaded.row else {
      presence = .absent
      return
    }
    presence = .present(row)
    keepNamesOnce()
    notifications.adopt(loaded.notifications, count: Int(row.notificationCount))
    outbox.adopt(loaded.messageNames)
  }

  /// The row's texts are the machine's own, not others of the same bytes.
  private func keepNamesOnce() {
    guard var row, row.machine == id else { return }
    row.machine = id
    presence = .present(row)
  }

  /// Notifications are queued that stay before a new one: their head says when the machine is
  /// looked at, not the new one.
  var hasQueue: Bool { notifications.count > 0 && !isCommitting }

  /// Whether the running step's commit is in what was read, though nobody has heard how it ended:
  /// the reply is on its way, or lost. Who reads next may be answered from memory and would see
  /// less. So the read waits until the outcome is known, within its deadline.
  func showsOutcome(_ loaded: Loaded) -> Bool {
    guard let writing = running?.writing else { return false }
    switch writing.application {
    case .nothing, .condemned: return false
    case .removed: return loaded.row == nil
    case .becomes(let next, _, _):
      return loaded.row.map { $0.key == next.key && $0.version >= next.version } ?? false
    }
  }

  /// Where the database has the machine among those that become due, nil = it does not.
  func duePosition(_ row: MachineRow) -> DuePosition? {
    row.due.map { DuePosition(due: $0, shard: shard.id, key: row.key) }
  }

  /// Its row says that it is due, in the database too, and there is nothing for it to do.
  func isDueForNothing(_ now: Moment) -> Bool {
    guard let row, let said = row.due, said <= now.wall, enqueuesInFlight == 0 else { return false }
    return due(row: row, head: notifications.head, now: now).map { $0 > now.wall } ?? true
  }

  /// When the machine has something to do by itself, were its row this one and its queue's head
  /// that.
  func due(row: MachineRow, head: QueuedNotification?, now: Moment) -> Timestamp? {
    if !row.runsByItself { return nil }
    var due = row.timer?.due
    if let head {
      let delivery = head.due(now)
      due = due.map { min($0, delivery) } ?? delivery
    } else if notifications.needsLoad || enqueuesInFlight > 0 {
      due = due.map { min($0, now.wall) } ?? now.wall
    }
    return due
  }
}

/// One machine in memory is itself, whatever its name: another incarnation may come after it.
extension ResidentMachine: Hashable {
  static func == (a: ResidentMachine, b: ResidentMachine) -> Bool { a === b }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
