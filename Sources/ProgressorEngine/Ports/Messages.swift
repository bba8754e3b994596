public import MachineModel

/// A message, by what never changes of it. Its number is given by the shard's owner and never used
/// again: `message/<machine key>/<number>` is the idempotency key of all its deliveries.
public struct MessageRef: Sendable, Hashable {
  /// The sender's shard.
  public var shard: ShardID
  /// The sender's incarnation; it may be gone.
  public var machine: MachineKey
  /// Grows within the shard.
  public var number: Int64

  public init(shard: ShardID, machine: MachineKey, number: Int64) {
    self.shard = shard
    self.machine = machine
    self.number = number
  }
}

/// A message as the database holds it.
public struct MessageRow: Sendable, Hashable {
  /// Which message it is.
  public var ref: MessageRef
  /// The sender's namespace in the database.
  public var namespace: NamespaceNumber
  /// Who sent it.
  public var sender: MachineID
  /// What it is; its `number` is that of `ref`.
  public var pending: PendingMessage
  /// The metadata of the caller who caused it, for the delivery.
  public var context: CallerContext

  public init(
    ref: MessageRef, namespace: NamespaceNumber, sender: MachineID, pending: PendingMessage,
    context: CallerContext
  ) {
    self.ref = ref
    self.namespace = namespace
    self.sender = sender
    self.pending = pending
    self.context = context
  }

  /// Who gets it.
  public var target: MachineID { pending.message.target }
}

/// The name of a message that can still be delivered.
public struct MessageName: Sendable, Hashable {
  /// Its name, not empty.
  public var name: String
  /// The message's.
  public var number: Int64

  public init(name: String, number: Int64) {
    self.name = name
    self.number = number
  }
}

/// A place in the order in which a core's messages become due.
public struct MessagePlace: DuePlace {
  /// When it is to be delivered, whatever its pauses are.
  public var due: Timestamp
  /// The sender's shard; orders messages that are due at one time.
  public var shard: ShardID
  /// Orders what is left equal, so that no two places are.
  public var number: Int64

  public init(due: Timestamp, shard: ShardID, number: Int64) {
    self.due = due
    self.shard = shard
    self.number = number
  }

  public static func < (a: MessagePlace, b: MessagePlace) -> Bool {
    if a.due != b.due { return a.due < b.due }
    if a.shard != b.shard { return a.shard < b.shard }
    return a.number < b.number
  }
}

/// A look ahead among the messages of a core's shards.
public struct MessageQuery: Sendable, Hashable {
  /// Tells one look ahead from the next.
  public var number: UInt64
  /// Whose shards are looked for.
  public var part: ShardPart
  /// Only messages to this namespace; nil = to all.
  public var target: String?
  /// Only messages beyond this cut.
  public var from: Cut<MessagePlace>
  /// Only messages that are tried at or before this time.
  public var until: Timestamp
  /// The most messages that are looked at, those of other nodes included.
  public var limit: Int32

  public init(
    number: UInt64, part: ShardPart = .all, target: String? = nil, from: Cut<MessagePlace>,
    until: Timestamp, limit: Int32
  ) {
    self.number = number
    self.part = part
    self.target = target
    self.from = from
    self.until = until
    self.limit = limit
  }
}

/// What was found.
public struct MessagePage: Sendable, Hashable {
  /// Messages of owned shards, in their order.
  public var messages: [DueMessage]
  /// Up to here nothing was left out.
  public var reached: Cut<MessagePlace>

  public init(messages: [DueMessage], reached: Cut<MessagePlace>) {
    self.messages = messages
    self.reached = reached
  }
}

/// A message that becomes due, without what it carries.
public struct DueMessage: Sendable, Hashable {
  /// Which message it is.
  public var ref: MessageRef
  /// Who gets it.
  public var target: MachineID
  /// When it is to be delivered.
  public var deliverAt: Timestamp
  /// When it is tried next.
  public var due: Timestamp

  public init(ref: MessageRef, target: MachineID, deliverAt: Timestamp, due: Timestamp) {
    self.ref = ref
    self.target = target
    self.deliverAt = deliverAt
    self.due = due
  }

  /// Its place among those of its core.
  public var place: MessagePlace {
    MessagePlace(due: deliverAt, shard: ref.shard, number: ref.number)
  }
}

/// Messages that are to be read as they are.
public struct MessageLoad: Sendable, Hashable {
  /// Under which storage answers.
  public var id: LoadID
  /// Of one core; no two are equal.
  public var messages: [MessageRef]

  public init(id: LoadID, messages: [MessageRef]) {
    self.id = id
    self.messages = messages
  }

  /// The most messages of a load.
  public static let maximumCount = 128
}

/// What was found of the messages of a load: those that are not named are not there any more, or
/// can never be delivered.
public struct LoadedMessages: Sendable, Hashable {
  /// Those that are there, to be delivered.
  public var messages: [MessageRow] = []
  /// Those that have to be asked for again: what all of them carry is too much at once.
  public var deferred: [MessageRef] = []
  /// Those that are there and cannot be understood.
  public var unreadable: [MessageRef] = []

  public init() {}
}

/// A message on its way to its target, as a request to the engine that has that.
public struct Delivery: Sendable, Hashable {
  /// Under which its reply comes back, as `Input.delivered`.
  public var id: DeliveryID
  /// Who gets it.
  public var target: MachineID
  /// A start or a notification, with the message's key.
  public var operation: Operation
  /// What is handed on to the processor.
  public var context: CallerContext
  /// Whose message it is.
  public var sender: MachineID
  /// How long is waited for the reply. Microseconds.
  public var patience: Int64

  public init(
    id: DeliveryID, target: MachineID, operation: Operation, context: CallerContext,
    sender: MachineID, patience: Int64
  ) {
    self.id = id
    self.target = target
    self.operation = operation
    self.context = context
    self.sender = sender
    self.patience = patience
  }
}
