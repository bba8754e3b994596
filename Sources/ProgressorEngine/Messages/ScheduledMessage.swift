import MachineModel

/// A message in memory, without what it carries. `ref` alone says which one it is.
struct ScheduledMessage: Hashable {
  let ref: MessageRef
  let pair: MessagePair
  let deliverAt: Timestamp

  init(_ ref: MessageRef, to target: MachineID, at deliverAt: Timestamp) {
    self.ref = ref
    self.deliverAt = deliverAt
    pair = MessagePair(shard: ref.shard, sender: ref.machine, target: target)
  }

  /// Where the database has it.
  var place: MessagePlace { MessagePlace(due: deliverAt, shard: ref.shard, number: ref.number) }

  static func == (a: ScheduledMessage, b: ScheduledMessage) -> Bool { a.ref == b.ref }

  func hash(into hasher: inout Hasher) { hasher.combine(ref) }
}

/// What goes from one machine to another and is due.
struct MessageLine {
  struct Waiting {
    /// When it is tried next.
    var notBefore: Timestamp
    /// What was read of it, or was in memory since it was sent.
    var row: MessageRow?
  }

  enum Standing {
    /// Its first is tried later.
    case resting
    /// Its first may be tried now.
    case ready
    /// This one is under way.
    case underWay(Int64)
  }

  /// By number.
  var waiting = RankedHeap<Int64, Int64, Waiting>()
  var standing = Standing.resting
  /// As what its first is being delivered.
  var delivery: DeliveryID?
}

extension PendingMessage {
  /// It is due since it was sent, whatever the time of day is meanwhile.
  var isDueAtOnce: Bool { deliverAt <= createdAt }
}

extension Moment {
  /// The uptime at this time of day; now, when that has passed.
  func uptime(of time: Timestamp) -> Int64 {
    let (distance, overflow) = time.microseconds.subtractingReportingOverflow(wall.microseconds)
    return overflow ? (time < wall ? uptime : .max) : uptime.saturatingAdd(max(0, distance))
  }
}

extension MessageRow {
  /// About what it takes in memory, and on its way to the database.
  public var bytes: Int {
    512 + pending.message.args.heapBytes + sender.id.heapBytes + target.id.heapBytes
      + context.heapBytes
  }
}
