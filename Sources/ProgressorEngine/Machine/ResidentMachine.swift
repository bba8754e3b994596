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
  private(set) var presence = Presence.unknown
  private(set) var history: HistoryWindow
  private(set) var notifications = NotificationQueue()
  var outbox = Outbox()

  var mailbox = Mailbox()
  /// The step that it takes; most machines in memory take none.
  private(set) var running: RunningStep?

  /// A timeout (a delivery) is in the mailbox or running.
  private(set) var timeoutQueued = false
  private(set) var deliveryQueued = false
  /// It was let in to do something by itself, and counts against its namespace's limit.
  private(set) var isActive = false

  /// Its requests that are not answered yet.
  private(set) var requests: Set<RequestID> = []
  /// Notify requests that wait for a Start or Remove before them.
  private(set) var waitingNotifies = RemovalQueue<RequestID>()
  /// Get requests that wait until it is known how the running step's commit ended.
  private(set) var waitingReads: Set<RequestID> = []
  /// Accepted notifications on their way to the database.
  private(set) var enqueuesInFlight = 0
  /// None of them has a smaller sequence.
  private(set) var firstEnqueued: Int64 = 0
  /// Messages of which it is being written what became of them.
  private(set) var settling: Set<MessageRef> = []
  private(set) var loadsInFlight = 0
  var keys = KeyTable()

  /// It became due while its row was being read for another purpose.
  private(set) var wantsWake = false
  /// What was charged for it. Residency's.
  var charge = Residency.Charge()
  /// What its notification holds that is kept, since it cannot be written now. The budget's.
  var kept = StepMemory.Kept()
  /// Its place among the idle machines, which is theirs.
  var idle = IdleMachines.Place()
  /// What memory knows of it turned out to be wrong: it is let go of after its step.
  private(set) var isDistrusted = false
  /// The engine let go of it; whatever still refers to it comes too late.
  private(set) var isDropped = false

  init(id: MachineID, shard: OwnedShard, namespace: NamespaceState, windowBytes: Int) {
    self.id = id
    self.shard = shard
    self.namespace = namespace
    self.history = HistoryWindow(maximumBytes: windowBytes)
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

/// What it does, and who asked for it.
extension ResidentMachine {
  /// It takes the step.
  func begin(_ step: RunningStep) {
    assert(running == nil && !isDropped, "a machine takes one step at a time")
    running = step
  }

  func stepEnded() {
    assert(running != nil, "a step ends once")
    running = nil
  }

  /// It waits in the mailbox to do something by itself.
  func queue(_ item: Mailbox.Item) {
    switch item {
    case .timeout:
      assert(!timeoutQueued, "a machine has one timeout at a time")
      timeoutQueued = true
    case .notification:
      assert(!deliveryQueued, "a machine has one delivery at a time")
      deliveryQueued = true
    case .settling: break
    case .request: assertionFailure("who asks enters as a request")
    }
    mailbox.append(item)
  }

  /// What it did by itself is over.
  func unqueue(_ item: Mailbox.Item) {
    switch item {
    case .timeout:
      assert(timeoutQueued, "what is over was queued")
      timeoutQueued = false
    case .notification:
      assert(deliveryQueued, "what is over was queued")
      deliveryQueued = false
    case .request, .settling: break
    }
  }

  /// What it does by itself is queued only if it waits or runs, whatever became of its steps.
  func recountQueued() {
    timeoutQueued = running?.item == .timeout || mailbox.contains(.timeout)
    deliveryQueued = running?.item == .notification || mailbox.contains(.notification)
  }

  /// It counts against its namespace's limit, or does so no more.
  func setActive(_ isActive: Bool) {
    assert(self.isActive != isActive, "who is let in leaves once")
    self.isActive = isActive
  }

  func asked(_ request: RequestID) {
    let isNew = requests.insert(request).inserted
    assert(isNew && !isDropped, "a request comes once")
  }

  func answered(_ request: RequestID) {
    let removed = requests.remove(request)
    assert(removed != nil, "a request of a machine is among the machine's")
  }

  /// A Notify waits for the step that runs or for one before it.
  func waitToNotify(_ request: RequestID) {
    assert(requests.contains(request), "who waits is not answered")
    waitingNotifies.append(request)
  }

  /// A Get waits until it is known how the step's commit ended.
  func waitToRead(_ request: RequestID) {
    assert(requests.contains(request) && isCommitting, "who waits for an outcome is not answered")
    waitingReads.insert(request)
  }

  /// Those that waited, in their order.
  func takeWaitingNotifies() -> [RequestID] { waitingNotifies.takeAll() }

  /// Those that waited, oldest first.
  func takeWaitingReads() -> [RequestID] {
    defer { waitingReads = [] }
    return waitingReads.sorted { $0.number < $1.number }
  }

  /// Nothing happens if it did not wait.
  func stopNotifying(_ request: RequestID) { waitingNotifies.remove(request) }

  /// Nothing happens if it did not wait.
  func stopReading(_ request: RequestID) { waitingReads.remove(request) }

  /// It is to be looked at when its row is here.
  func wakeLater() {
    assert(loadsInFlight > 0, "who is woken later is being read")
    wantsWake = true
  }

  /// Whether it was to be looked at.
  func takeWake() -> Bool {
    defer { wantsWake = false }
    return wantsWake
  }

  func distrust() { isDistrusted = true }

  /// It leaves memory.
  func dropped() {
    assert(!isDropped, "a machine leaves memory once")
    isDropped = true
  }
}

/// What of it is on its way to the database, or from there.
extension ResidentMachine {
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

  /// It is being written what became of the message.
  func settles(_ message: MessageRef) {
    let isNew = settling.insert(message).inserted
    assert(isNew, "a message is settled once at a time")
  }

  func isSettling(_ message: MessageRef) -> Bool { settling.contains(message) }

  /// It is known how that ended. Answers whether it was being written.
  func settled(_ message: MessageRef) -> Bool { settling.remove(message) != nil }

  /// Nothing of that is known any more.
  func takeSettling() -> [MessageRef] {
    defer { settling = [] }
    return settling.sorted { $0.number < $1.number }
  }

  func loadBegan() { loadsInFlight += 1 }

  func loadEnded() {
    loadsInFlight -= 1
    assert(loadsInFlight >= 0, "more loads of the machine ended than began")
  }
}

/// What is committed, as it comes from the database or is known to be there.
extension ResidentMachine {
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

  /// A part of its history was read.
  func adopt(_ events: [Event], last: Int64) { history.adopt(events, last: last) }

  /// A further page of its queue was read, of which so many were known.
  func refill(_ page: [QueuedNotification], count: Int) {
    notifications.refill(page, count: count)
  }

  /// A step of it is durable.
  func becomes(_ row: MachineRow, _ events: [Event], _ queue: QueueChange) {
    assert(self.row.map { $0.version < row.version } ?? true, "a machine's version grows")
    assert(events.last.map { $0.id == row.lastEventID } ?? true, "the row names its last event")
    presence = .present(row)
    history.append(events)
    switch queue {
    case .keep: break
    case .delivered: notifications.delivered()
    case .dropped(let notification): notifications.dropped(notification.sequence)
    case .rescheduled(let head): notifications.rescheduled(head)
    case .arrived(let queue): for one in queue { notifications.accepted(one) }
    }
  }

  /// Beside its steps notifications became durable, which the row says to be due then, and messages
  /// went. Answers the row; nil = there is none in memory.
  func changed(
    _ accepted: [QueuedNotification], _ due: Timestamp?,
    _ messages: MessageDifference = MessageDifference()
  ) -> MachineRow? {
    guard var row else { return nil }
    row.notificationCount += Int32(accepted.count)
    row.pendingMessages += messages.pending
    row.undeliveredMessages += messages.undelivered
    assert(row.pendingMessages >= 0, "more messages went than were sent")
    if row.runsByItself, let due { row.due = row.due.map { min($0, due) } ?? due }
    presence = .present(row)
    for notification in accepted { notifications.accepted(notification) }
    return row
  }

  /// Its removal is durable.
  func removed() {
    assert(isCommitting, "a step removes it")
    presence = .absent
    history = history.emptied
    notifications = NotificationQueue()
    outbox = Outbox()
  }
}

/// One machine in memory is itself, whatever its name: another incarnation may come after it.
extension ResidentMachine: Hashable {
  static func == (a: ResidentMachine, b: ResidentMachine) -> Bool { a === b }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
