import MachineModel
import ProgressorEngine

/// The table of messages: those of a machine outlive it.
extension SimulatedStorage {
  /// What a batch does to messages: kind by kind, so that what became of one is written before a
  /// step takes it out, and both before another one has its name.
  mutating func applyMessages(of records: [CommitRecord]) throws(Violation) {
    let kinds: [RowWrite.Kind] = [
      .postponeMessage, .deleteMessage, .deleteMessages, .insertMessage,
    ]
    for kind in kinds {
      for record in records {
        try record.forEachWrite { (write) throws(Violation) in
          guard write.kind == kind else { return }
          switch write {
          case .postponeMessage(let message): try postpone(message, record)
          case .deleteMessage(let number): try take(number, record)
          case .deleteMessages(let time): forget(dueAfter: time, record)
          case .insertMessage(let message): try insert(message, record)
          default: break
          }
        }
      }
    }
  }

  mutating func insert(_ message: MessageRow, _ record: CommitRecord) throws(Violation) {
    let ref = message.ref
    try require(
      ref.shard == record.shard && ref.machine == record.key && message.sender == record.machine,
      .messagesOnce, "\(record.machine): sends a message as another")
    let sender = Incarnation(shard: ref.shard, key: ref.machine)
    try require(
      messages[sender]?[ref.number] == nil, .messagesOnce,
      "\(record.machine): two messages are number \(ref.number)")
    if let name = message.pending.message.name {
      let isTaken = (messages[sender] ?? [:]).values.contains {
        $0.pending.nextAttemptAt != nil && $0.pending.message.name == name
      }
      try require(!isTaken, .messagesOnce, "\(record.machine): two messages are called \(name)")
    }
    messages[sender, default: [:]][ref.number] = message
  }

  mutating func take(_ number: Int64, _ record: CommitRecord) throws(Violation) {
    let sender = Incarnation(shard: record.shard, key: record.key)
    try require(
      messages[sender]?.removeValue(forKey: number) != nil, .messagesOnce,
      "\(record.machine): message \(number) is taken out, and is not there")
    if messages[sender]?.isEmpty == true { messages[sender] = nil }
  }

  mutating func postpone(_ message: PendingMessage, _ record: CommitRecord) throws(Violation) {
    let sender = Incarnation(shard: record.shard, key: record.key)
    let known = messages[sender]?[message.number]
    try require(
      record.isOfMessage ? known != nil : known?.pending.nextAttemptAt != nil, .messagesOnce,
      "\(record.machine): message \(message.number) is postponed, and is not pending")
    messages[sender]?[message.number]?.pending = message
  }

  mutating func forget(dueAfter time: Timestamp, _ record: CommitRecord) {
    let sender = Incarnation(shard: record.shard, key: record.key)
    messages[sender] = messages[sender]?.filter {
      $0.value.pending.deliverAt <= time && $0.value.pending.nextAttemptAt != nil
    }
    if messages[sender]?.isEmpty == true { messages[sender] = nil }
  }

  /// What the row says of its messages is so.
  func countsMessages(_ row: MachineRow) throws(Violation) {
    let own = (messages[Incarnation(shard: row.shard, key: row.key)] ?? [:]).values
    let pending = own.count { $0.pending.nextAttemptAt != nil }
    try require(
      row.pendingMessages == Int32(pending)
        && row.undeliveredMessages == Int32(own.count - pending), .rowRules,
      "\(row.machine): the row has \(row.pendingMessages) and \(row.undeliveredMessages) messages, "
        + "there are \(pending) and \(own.count - pending)")
  }

  func names(of row: MachineRow) -> [MessageName] {
    let own = messages[Incarnation(shard: row.shard, key: row.key)] ?? [:]
    return own.values.sorted { $0.ref.number < $1.ref.number }.compactMap { message in
      guard message.pending.nextAttemptAt != nil else { return nil }
      return message.pending.message.name.map {
        MessageName(name: $0, number: message.ref.number)
      }
    }
  }

  /// Messages of a part of the node's shards that become due, as the real one looks at them.
  func due(_ query: MessageQuery, of identity: Int) -> MessagePage {
    var found: [DueMessage] = []
    for message in messages.values.joined().map(\.value) {
      guard let due = message.pending.nextAttemptAt, message.pending.deliverAt <= query.until
      else { continue }
      let one = DueMessage(
        ref: message.ref, target: message.target, deliverAt: message.pending.deliverAt, due: due)
      if !query.from.covers(one.place) { found.append(one) }
    }
    found.sort { $0.place < $1.place }
    let seen = found.prefix(Int(query.limit))
    return MessagePage(
      messages: seen.filter {
        query.part.contains($0.ref.shard) && leases.owner(of: $0.ref.shard) == identity
          && query.target?.isExactly($0.target.namespace) ?? true
      },
      reached: seen.count < Int(query.limit)
        ? .end(of: query.until) : seen.last.map { .after($0.place) } ?? query.from)
  }

  func load(_ load: MessageLoad) -> LoadedMessages {
    var loaded = LoadedMessages()
    loaded.messages = load.messages.compactMap { ref in
      messages[Incarnation(shard: ref.shard, key: ref.machine)]?[ref.number]
    }.filter { $0.pending.nextAttemptAt != nil }
    return loaded
  }
}
