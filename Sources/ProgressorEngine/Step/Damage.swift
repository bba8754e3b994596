public import MachineModel

/// A machine whose rows are there and cannot be read: it fails with the cause, alone, and everything of
/// it stays as it is. Once the rows are mended it can be repaired like any other.
extension Engine {
  /// A machine in nobody's hands was read since it became due.
  mutating func wakeLoaded(_ machine: ResidentMachine, _ result: Result<Loaded, ReadFailure>) {
    switch result {
    case .failure: rearm(machine)
    case .success(let loaded) where loaded.damage != nil:
      guard loaded.row?.failure == nil, !machine.timeoutQueued else { return }
      // The step meets the damage in its turn, behind what runs or waits.
      machine.timeoutQueued = true
      machine.mailbox.append(.timeout)
    case .success: becomeDue(machine)
    }
  }

  /// What a step needs cannot be read.
  mutating func stepMeetsDamage(_ machine: ResidentMachine, _ loaded: Loaded) {
    guard let step = machine.running, let row = machine.row ?? loaded.row else {
      return abandon(machine, .damaged(loaded.damage))
    }
    if case .remove? = step.request?.operation {
      return commitRemoval(machine, row, reply: .removed)
    }
    switch step.kind {
    case .call, .timeout, .notification:
      if let failure = row.failure {
        return end(machine, .error(.machineFailed(failure.reason)))
      }
      condemn(machine, row, step, ProgressorError.damaged(loaded.damage).message)
    case .start, .repair, nil: end(machine, .error(.damaged(loaded.damage)))
    }
  }

  private mutating func condemn(
    _ machine: ResidentMachine, _ row: MachineRow, _ step: RunningStep, _ reason: String
  ) {
    let (version, isLast) = row.version.addingReportingOverflow(1)
    // Such a row cannot even be told to be damaged.
    if isLast { return abandon(machine, .damaged(reason)) }
    let failure = Failure(
      reason: reason, failedAt: now.wall, stepKind: step.kind ?? .timeout,
      code: Code.dataLoss.rawValue, attempts: 1)
    let record = CommitRecord(
      shard: machine.shard, namespace: machine.namespace.number, machine: machine.id,
      key: row.key, row: .condemn(failure, version: version))
    // If the database refuses even this, the machine is let go and read again later.
    machine.running?.wasRefused = true
    write(
      machine, record, .condemned(failure),
      step.requestID == nil ? nil : .error(.machineFailed(reason)))
  }
}

extension ProgressorError {
  /// Of a machine whose rows cannot be read.
  public static func damaged(_ why: String?) -> ProgressorError {
    ProgressorError(
      .internal, .storageUnavailable, "the machine's rows cannot be read: \(why ?? "unknown")")
  }
}
