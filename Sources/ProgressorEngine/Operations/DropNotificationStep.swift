import MachineModel

/// DropNotification: takes a notification out of the machine's queue, whatever the machine's status
/// is. It goes before what waits: no delivery of it begins any more, and one that runs is waited
/// for.
struct DropNotificationStep: StepOperation {
  let notificationID: String

  var counted: NamespaceCounts.Step? { .drop }
  var recordedKind: StepKind? { .dropNotification }
  var isUrgent: Bool { true }

  func notification(in shard: ShardID) -> Int64? {
    QueuedNotification.sequence(ofID: notificationID, in: shard)
  }

  func begin(_ view: StepView) -> Beginning {
    guard let row = view.row else { return .answer(.error(.machineNotFound(view.id))) }
    guard let sequence = notification(in: view.shard) else {
      return .answer(.error(.notificationNotFound(notificationID)))
    }
    guard let isThere = view.queues(sequence) else {
      return .answer(.error(.notificationOnItsWay(notificationID)))
    }
    if !isThere { return .answer(.error(.notificationNotFound(notificationID))) }
    let dropped = DroppedNotification(
      sequence: sequence, isHead: view.head?.sequence == sequence)
    return .write(.updated(Changed(row), queue: .dropped(dropped)), .notificationDropped)
  }
}

extension ProgressorError {
  fileprivate static func notificationOnItsWay(_ id: String) -> ProgressorError {
    ProgressorError(
      .unavailable, .storageUnavailable, "notification \"\(id)\" is just being stored: ask again")
  }
}

extension QueuedNotification {
  /// The id under which clients know a notification.
  static func id(ofSequence sequence: Int64, in shard: ShardID) -> String {
    "\(shard.number)-\(sequence)"
  }

  /// The sequence that the id names; nil = no notification of the shard has such an id.
  static func sequence(ofID id: String, in shard: ShardID) -> Int64? {
    guard let dash = id.utf8.firstIndex(of: UInt8(ascii: "-")),
      let sequence = Int64(id[id.index(after: dash)...]), sequence > 0,
      id.isExactly(self.id(ofSequence: sequence, in: shard))
    else { return nil }
    return sequence
  }
}
