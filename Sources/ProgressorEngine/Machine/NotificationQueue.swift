import DequeModule
import MachineModel

/// A machine's accepted notifications, as far as they are in memory: always the head of the queue
/// that the database holds.
struct NotificationQueue {
  private(set) var loaded: Deque<QueuedNotification> = []
  /// All that are queued, in memory or not.
  private(set) var count = 0
  private var bytes = 0
  /// What they take in memory.
  private(set) var residentBytes = 0

  var head: QueuedNotification? {
    Safeguard.notificationOrder.isOn ? loaded.first : loaded.last
  }
  /// There are notifications, and none of them is in memory.
  var needsLoad: Bool { loaded.isEmpty && count > 0 }

  /// Something is counted otherwise than it is.
  var isInconsistent: Bool {
    bytes != loaded.reduce(0) { $0 + $1.args.count }
      || residentBytes != loaded.reduce(0) { $0 + $1.bytes }
  }

  /// Takes the queue over as it was read.
  mutating func adopt(_ page: [QueuedNotification], count: Int) {
    assert(loaded.isEmpty && self.count == 0, "a queue that is known is not taken over")
    loaded = Deque(page)
    bytes = page.reduce(0) { $0 + $1.args.count }
    residentBytes = page.reduce(0) { $0 + $1.bytes }
    self.count = count
  }

  /// Takes over a further page, read while the memory's part was empty. `count` were queued when it
  /// was asked for: when it brings none, those are not there, but what was accepted meanwhile is.
  mutating func refill(_ page: [QueuedNotification], count asked: Int) {
    // What is read of a queue of which nothing is known yet is in the database, and not accepted
    // here.
    guard needsLoad else { return }
    loaded = Deque(page)
    bytes = page.reduce(0) { $0 + $1.args.count }
    residentBytes = page.reduce(0) { $0 + $1.bytes }
    if page.isEmpty { count = max(0, count - asked) }
    assert(residentBytes >= bytes, "a page takes what it holds")
  }

  /// A notification became durable at the tail. It is kept when everything before it is here too.
  mutating func accepted(_ notification: QueuedNotification) {
    let complete = loaded.count == count
    count += 1
    guard complete, loaded.count < LoadRequest.notificationPage,
      loaded.isEmpty || bytes + notification.args.count <= LoadRequest.notificationPageBytes
    else { return }
    loaded.append(notification)
    bytes += notification.args.count
    residentBytes += notification.bytes
    assert(loaded.count == count && residentBytes >= bytes, "all that are queued are here")
  }

  /// The head was delivered.
  mutating func delivered() {
    guard let head = loaded.popFirst() else {
      return assertionFailure("what was delivered stays in memory until that is durable")
    }
    bytes -= head.args.count
    residentBytes -= head.bytes
    count -= 1
    // Not its place either, once there is none.
    if loaded.isEmpty { loaded = [] }
    assert(bytes >= 0 && residentBytes >= bytes, "more was delivered than was charged")
    assert(!loaded.isEmpty || residentBytes == 0, "an empty queue takes nothing")
  }

  /// Whether the notification is queued; nil = it lies behind those in memory, or nowhere.
  func holds(_ sequence: Int64) -> Bool? {
    if let last = loaded.last, sequence <= last.sequence {
      return loaded.contains { $0.sequence == sequence }
    }
    return loaded.count >= count ? false : nil
  }

  /// A notification was taken out, in memory or not.
  mutating func dropped(_ sequence: Int64) {
    assert(count > 0, "what is dropped was queued")
    count -= 1
    guard let index = loaded.firstIndex(where: { $0.sequence == sequence }) else { return }
    let notification = loaded.remove(at: index)
    bytes -= notification.args.count
    residentBytes -= notification.bytes
    if loaded.isEmpty { loaded = [] }
    assert(bytes >= 0 && residentBytes >= bytes, "more was dropped than was charged")
  }

  /// The head's retry state changed.
  mutating func rescheduled(_ head: QueuedNotification) {
    guard loaded.first?.sequence == head.sequence else { return }
    residentBytes += head.bytes - loaded[0].bytes
    loaded[0] = head
    assert(residentBytes >= bytes, "a head that is tried again takes what it holds")
  }
}

extension QueuedNotification {
  /// When it is delivered, as the head of its queue: at once, unless it backs off. The clock of the
  /// node that accepted it may have been ahead.
  func due(_ now: Moment) -> Timestamp { retry?.nextAttemptAt ?? min(acceptedAt, now.wall) }
}
