package import MachineModel
import ProgressorEngine

/// The messages that machines have sent.
extension TestDatabase {
  mutating func applyMessages(of record: CommitRecord) {
    func ref(_ number: Int64) -> MessageRef {
      MessageRef(shard: record.shard, machine: record.key, number: number)
    }
    if let postponed = record.postponed { messages[ref(postponed.number)]?.pending = postponed }
    for number in record.takenOut { messages[ref(number)] = nil }
    if let now = record.forgotten {
      messages = messages.filter { ref, row in
        ref.machine != record.key
          || (row.pending.deliverAt <= now && row.pending.nextAttemptAt != nil)
      }
    }
    for message in record.sent { messages[message.ref] = message }
  }

  /// What a machine's row says of its messages.
  func count(_ row: inout MachineRow) {
    let (own, key) = (messages.values, row.key)
    row.pendingMessages = Int32(
      own.count { $0.ref.machine == key && $0.pending.nextAttemptAt != nil })
    row.undeliveredMessages = Int32(
      own.count { $0.ref.machine == key && $0.pending.nextAttemptAt == nil })
  }

  /// Names that the machine can cancel.
  func names(of key: MachineKey) -> [MessageName] {
    messages.values.compactMap { row in
      guard row.ref.machine == key, row.pending.nextAttemptAt != nil else { return nil }
      return row.pending.message.name.map { MessageName(name: $0, number: row.ref.number) }
    }
  }

  func message(_ number: Int64, of key: MachineKey) -> PendingMessage? {
    messages.values.first { $0.ref.machine == key && $0.ref.number == number }?.pending
  }

  /// Of one machine, by number.
  package func messages(of machine: MachineID) -> [PendingMessage] {
    messages.values.filter { $0.sender == machine }.map(\.pending)
      .sorted { $0.number < $1.number }
  }

  func due(_ query: MessageQuery) -> MessagePage {
    let due = messages.values.compactMap { row -> DueMessage? in
      guard let due = row.pending.nextAttemptAt, row.pending.deliverAt <= query.until,
        query.target.map({ $0.isExactly(row.target.namespace) }) ?? true
      else { return nil }
      let message = DueMessage(
        ref: row.ref, target: row.target, deliverAt: row.pending.deliverAt, due: due)
      return query.from.covers(message.place) ? nil : message
    }
    let found = due.sorted { $0.place < $1.place }.prefix(Int(query.limit))
    let reached =
      found.count < Int(query.limit)
      ? Cut<MessagePlace>.end(of: query.until) : found.last.map { .after($0.place) } ?? query.from
    return MessagePage(messages: Array(found), reached: reached)
  }

  func answer(_ load: MessageLoad) -> LoadedMessages {
    var loaded = LoadedMessages()
    loaded.messages = load.messages.compactMap { messages[$0] }
      .filter { $0.pending.nextAttemptAt != nil }
    return loaded
  }
}
