public import MachineModel

/// Rows that the engine needs. Everything of one load is of one snapshot.
public struct LoadRequest: Sendable, Hashable {
  /// Under which storage answers.
  public var id: LoadID
  /// The shard of the machine.
  public var shard: ShardID
  /// The namespace's number in the database.
  public var namespace: NamespaceNumber
  /// The machine's name; it need not exist.
  public var machine: MachineID
  /// Load the machine's row (and the head of its queue of notifications).
  public var row: Bool
  /// Load these events, clipped to the machine's history, in the range's direction.
  public var history: HistoryRange?
  /// The most bytes of events' bodies; beyond them nothing is loaded: `historyTooLarge`.
  public var historyBytes = LoadRequest.maximumHistoryBytes
  /// Look the key up.
  public var idempotencyKey: String?
  /// Load queued notifications behind this sequence; 0 with `row`.
  public var notificationsAfter: Int64?
  /// Look this message of the machine up, without what it carries.
  public var message: Int64?

  /// `historyBytes` of a load for somebody who can show any history.
  public static let maximumHistoryBytes = 16 << 20
  /// The most notifications that come at once.
  public static let notificationPage = 32
  /// About the most bytes of notifications that come at once, but for a first one that has more.
  public static let notificationPageBytes = 1 << 20

  public init(
    id: LoadID, shard: ShardID, namespace: NamespaceNumber, machine: MachineID, row: Bool,
    history: HistoryRange? = nil, idempotencyKey: String? = nil, notificationsAfter: Int64? = nil
  ) {
    self.id = id
    self.shard = shard
    self.namespace = namespace
    self.machine = machine
    self.row = row
    self.history = history
    self.idempotencyKey = idempotencyKey
    self.notificationsAfter = notificationsAfter
  }
}

/// What was found.
public struct Loaded: Sendable, Hashable {
  /// nil when not asked for, or when there is no such machine.
  public var row: MachineRow?
  /// In the direction of the range asked for; empty when not asked for.
  public var history: [Event]
  /// The range selects more than `LoadRequest.historyBytes`; `history` is empty then.
  public var historyTooLarge: Bool
  /// Unexpired, nil when not asked for or not there.
  public var idempotency: IdempotencyRow?
  /// Ascending by sequence, the oldest first.
  public var notifications: [QueuedNotification]
  /// With the row: the names of its messages that can still be delivered, in no order.
  public var messageNames: [MessageName] = []
  /// The message that was looked up, without what it carries; nil = there is none.
  public var message: PendingMessage?
  /// Why the machine's rows cannot be read. `row` is then what is left of it: without aux state and
  /// timer, and not to be kept; nothing else is there.
  public var damage: String?

  public init(
    row: MachineRow? = nil, history: [Event] = [], historyTooLarge: Bool = false,
    idempotency: IdempotencyRow? = nil, notifications: [QueuedNotification] = [],
    damage: String? = nil
  ) {
    self.row = row
    self.history = history
    self.historyTooLarge = historyTooLarge
    self.idempotency = idempotency
    self.notifications = notifications
    self.damage = damage
  }
}

/// Why a read brought nothing.
public enum ReadFailure: Error, Sendable, Hashable {
  /// The database does not answer; asking again later may help.
  case unavailable
  /// The rows are there and cannot be understood.
  case unreadable(String)
}
