public import MachineModel

/// What is read of many rows for one request, past the engine's memory.
public enum Listing: Sendable, Hashable {
  /// Machines of the namespace of this number and name.
  case machines(NamespaceNumber, namespace: String, ListQuery)
  /// How many machines the namespace has, by filter.
  case counts(NamespaceNumber)
  /// What waits in a machine's queue; the machine need not exist.
  case notifications(ShardID, NamespaceNumber, MachineID, NotificationQuery)
  /// What a machine has sent and is not delivered; the machine need not exist.
  case messages(ShardID, NamespaceNumber, MachineID, MessageListQuery)
}

/// One page of `ListMessages`, by number.
public struct MessageListQuery: Sendable, Hashable {
  /// Only those behind this number; 0 = from the first.
  public var after: Int64
  /// 1…1,000.
  public var pageSize: Int32

  /// About the most bytes of what a page's messages carry, but for a first one that has more.
  public static let maximumBytes: Int64 = 4 << 20

  public init(after: Int64 = 0, pageSize: Int32) {
    self.after = after
    self.pageSize = pageSize
  }
}

/// A page of a machine's messages.
public struct MessageListPage: Sendable, Hashable {
  /// By number.
  public var messages: [PendingMessage]
  /// There are more behind the last.
  public var hasMore: Bool

  public init(messages: [PendingMessage], hasMore: Bool) {
    self.messages = messages
    self.hasMore = hasMore
  }
}

/// What was found.
public enum Listed: Sendable, Hashable {
  case machines(MachinePage)
  /// One for each filter, in the order of their numbers.
  case counts([StatusCount])
  /// nil = there is no such machine.
  case notifications(NotificationPage?)
  /// nil = there is no such machine.
  case messages(MessageListPage?)
}

/// A page of machines.
public struct MachinePage: Sendable, Hashable {
  /// Without history, ordered by id; one more than the page size when there is more.
  public var machines: [Machine]
  /// The last id that was looked at, when there may be more behind it; nil = that was all, or
  /// `machines` say so.
  public var reached: String?

  public init(machines: [Machine], reached: String? = nil) {
    self.machines = machines
    self.reached = reached
  }
}

/// One page of `ListNotifications`, in order of delivery.
public struct NotificationQuery: Sendable, Hashable {
  /// Only those behind this sequence; 0 = from the first.
  public var after: Int64
  /// 1…1,000.
  public var pageSize: Int32

  /// About the most bytes of a page, but for a first notification that has more.
  public static let maximumBytes: Int64 = 4 << 20

  public init(after: Int64 = 0, pageSize: Int32) {
    self.after = after
    self.pageSize = pageSize
  }
}

/// A page of a machine's queue.
public struct NotificationPage: Sendable, Hashable {
  /// In order of delivery.
  public var notifications: [PendingNotification]
  /// The sequence of each.
  public var sequences: [Int64]
  /// There are more behind the last.
  public var hasMore: Bool

  /// - Parameter queue: In order of delivery.
  public init(_ queue: some Collection<QueuedNotification>, hasMore: Bool) {
    notifications = queue.map(PendingNotification.init)
    sequences = queue.map(\.sequence)
    self.hasMore = hasMore
  }
}

extension PendingNotification {
  fileprivate init(_ queued: QueuedNotification) {
    self.init(
      notificationID: queued.notificationID, acceptedAt: queued.acceptedAt, args: queued.args,
      attempt: queued.retry?.attempt ?? 0, nextAttemptAt: queued.retry?.nextAttemptAt,
      lastCode: queued.retry?.lastCode ?? 0, lastMessage: queued.retry?.lastMessage ?? "")
  }
}
