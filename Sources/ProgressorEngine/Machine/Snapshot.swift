import MachineModel

/// How a row looks from outside.
enum Snapshot {
  /// Of a timeout and a delivery that both back off, the one that is next.
  static func status(of row: MachineRow, head: QueuedNotification?) -> MachineStatus {
    if let failure = row.failure { return .failed(failure) }
    let timeout = row.timer?.retry.map { retrying(.timeout, $0) }
    let delivery = head?.retry.map { retrying(.notification, $0) }
    switch (timeout, delivery) {
    case (let timeout?, let delivery?):
      return .working(timeout.nextAttemptAt <= delivery.nextAttemptAt ? timeout : delivery)
    case (let one?, nil), (nil, let one?): return .working(one)
    case (nil, nil): return .working(nil)
    }
  }

  private static func retrying(_ kind: StepKind, _ state: RetryState) -> Retrying {
    Retrying(
      stepKind: kind, attempt: state.attempt, nextAttemptAt: state.nextAttemptAt,
      lastCode: state.lastCode, lastMessage: state.lastMessage)
  }

  static func machine(
    _ row: MachineRow, head: QueuedNotification?, history: [Event], range: HistoryRange,
    hidesTimer: Bool = false
  ) -> Machine {
    var machine = Machine(
      machineID: row.machine, history: history, historyRange: range,
      status: status(of: row, head: head), auxState: row.auxState,
      timer: hidesTimer ? nil : row.timer?.firesAt, lastEventID: row.lastEventID,
      createdAt: row.createdAt, pause: row.pause, since: row.since)
    machine.waitingFor = row.waitingFor
    return machine
  }
}
