import MachineModel

/// What a machine waits for, when somebody asks: computed from what is there, nothing is kept for
/// it.
extension ResidentMachine {
  /// - Parameters:
  ///   - row: The machine as it is shown, whether it stays in memory or not.
  ///   - head: Of its queue.
  func waiting(
    _ row: MachineRow, head: QueuedNotification?, _ now: Moment
  ) -> Machine.Waiting? {
    if let running { return waiting(for: running, now) }
    if row.failure != nil { return nil }
    let pending = [row.timer?.pending, head?.pending].compactMap { $0 }
    guard let next = pending.min(by: { $0.due < $1.due }) else { return nil }
    if next.due > now.wall {
      let retried = pending.filter(\.isRetried).min { $0.due < $1.due }
      return retried.map { Machine.Waiting(on: .retry, since: min($0.since, now.wall)) }
    }
    let since = min(next.since, now.wall)
    if row.pause != nil || namespace.settings.pause != nil {
      return Machine.Waiting(on: .pause, since: since)
    }
    return Machine.Waiting(on: keeper(now), since: since)
  }

  /// Who keeps what is due from its turn.
  private func keeper(_ now: Moment) -> WaitingOn {
    // After an outage it is tried again in a while.
    namespace.isDown || namespace.schedule.rests(at: now.uptime) ? .endpoint : .slot
  }

  private func waiting(for step: RunningStep, _ now: Moment) -> Machine.Waiting {
    let since = now.wall.advanced(byMicroseconds: -max(0, now.uptime - step.since))
    // A caller's step may wait within its call, until its processor can be reached.
    let waitsForEndpoint = step.station != nil || (step.asking != nil && step.requestID != nil)
    if waitsForEndpoint, namespace.isDown { return Machine.Waiting(on: .endpoint, since: since) }
    return Machine.Waiting(on: step.station == nil ? .step : .slot, since: since)
  }
}

/// Something that a machine has to do by itself.
private struct PendingStep {
  /// When it is tried next.
  let due: Timestamp
  /// When it became due.
  let since: Timestamp
  let isRetried: Bool
}

extension TimerRow {
  fileprivate var pending: PendingStep {
    PendingStep(due: due, since: firesAt, isRetried: retry != nil)
  }
}

extension QueuedNotification {
  fileprivate var pending: PendingStep {
    // The clock of the node that accepted it may have been ahead: it is due at once.
    PendingStep(
      due: retry?.nextAttemptAt ?? .earliest, since: acceptedAt, isRetried: retry != nil)
  }
}
