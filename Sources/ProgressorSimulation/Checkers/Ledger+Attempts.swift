import MachineModel
import ProgressorEngine

/// The attempts of timeouts and notifications, counted beside the database: a counter that is not
/// durable begins again with every crash, and the machine is tried for ever.
extension Ledger {
  mutating func attempts(_ applied: AppliedRecord) throws(Violation) {
    let record = applied.record
    let incarnation = Incarnation(shard: record.shard, key: record.key)
    if case .update = record.row, let timer = applied.after?.timer {
      let place = Retried(incarnation: incarnation, kind: .timeout, serial: timer.serial)
      if timer.retry != applied.before?.timer?.retry || timer.retry == nil {
        try counts(timer.retry, place, record.machine)
      }
    }
    if let head = record.rescheduled {
      let place = Retried(
        incarnation: incarnation, kind: .notification, serial: head.sequence)
      try counts(head.retry, place, record.machine)
    }
  }

  private mutating func counts(_ retry: RetryState?, _ place: Retried, _ machine: MachineID)
    throws(Violation)
  {
    guard let retry else {
      attempts[place] = nil
      return
    }
    let expected = attempts[place, default: 0] + 1
    try require(
      retry.attempt == expected, .attemptsCounted,
      "\(machine): attempt \(expected) of a \(place.kind) is put off as attempt \(retry.attempt)")
    attempts[place] = expected
  }

  /// The attempt that a processor is told is one more than those that the database knows of.
  func isNext(_ invocation: Invocation, _ stored: StoredMachine) throws(Violation) {
    let earlier: Int32
    switch invocation.stimulus {
    case .signal(.timeout): earlier = stored.row.timer?.retry?.attempt ?? 0
    case .signal(.notification), .signal(.undelivered):
      earlier = stored.notifications.first?.retry?.attempt ?? 0
    case .signal(.initialize), .call, .repair: earlier = 0
    }
    try require(
      invocation.attempt == earlier + 1, .attemptsCounted,
      "\(invocation.machine.machineID): attempt \(invocation.attempt) follows \(earlier)")
  }
}
