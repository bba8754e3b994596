import MachineModel
import ProgressorEngine

/// Get shows a whole state that the machine was in since the request was sent; List keeps its
/// order.
extension Ledger {
  mutating func read(
    _ request: ClientRequest, _ machine: Machine, now: Moment
  ) throws(Violation) {
    guard case .get(let range, let wait) = request.operation else {
      throw Violation(.oneReply, "\(request.machine): \(request.operation.name) gets a machine")
    }
    let asked = range ?? .all
    let isTrue = try reads(request) { $0?.matches(machine, range: asked) ?? false }
    // What it waited for may be over when the rows are read that the answer shows.
    if let wait, !request.states.contains(where: { wait.isMet(by: $0.machine) }) {
      // It may have come to the engine later than it was sent, and not earlier.
      let end = min(request.deadline - 50_000, request.sentAt + 60_000_000)
      try require(
        now.uptime >= end, .waitsEnd,
        "\(request.machine): get \(request.id.number) is answered before \(wait)")
    }
    let waitsRightly =
      switch machine.waiting?.on {
      case .retry: machine.status.isRetrying
      case .pause: !machine.status.isFailed
      case .endpoint, .slot, .step, nil: true
      }
    try require(
      waitsRightly, .truthfulReads,
      "\(request.machine): is \(machine.status), and waits for \(machine.waiting as Any)")
    try require(
      isTrue && machine.historyRange == asked, .truthfulReads,
      "\(request.machine): get \(request.id.number) shows a machine that never was")
  }

  /// A piece of a Watch shows a state with the events that were asked for, or fewer where they are
  /// large; and not the one that was shown before, as long as it is patient.
  mutating func watched(
    _ request: ClientRequest, _ machine: Machine, _ mark: MachineMark, now: Moment
  ) throws(Violation) {
    guard case .watch(let query) = request.operation else {
      throw Violation(.oneReply, "\(request.machine): \(request.operation.name) is shown a piece")
    }
    let range = machine.historyRange
    let isTrue = try reads(request) { $0?.matches(machine, range: range) ?? false }
    let isAsked =
      range.after == query.after && range.direction == .forward
      && (range.limit == query.limit || range.limit == 1)
    try require(
      isTrue && isAsked, .truthfulReads,
      "\(request.machine): watch \(request.id.number) shows a machine that never was")
    guard let since = query.since else { return }
    let isNew = request.states.contains { state in
      guard let row = state.machine?.row else { return true }
      return MachineMark(row) != since || row.lastEventID > query.after
    }
    let end = min(request.deadline - 50_000, request.sentAt + query.patience)
    try require(
      isNew || now.uptime >= end, .waitsEnd,
      "\(request.machine): watch \(request.id.number) is answered: nothing is new since \(since)"
    )
  }

  /// Whether a reader may be shown that there is no machine.
  mutating func readsNone(_ request: ClientRequest) throws(Violation) -> Bool {
    try reads(request) { $0 == nil }
  }

  /// Whether one of the states since the request was sent is what it was shown; none of those that
  /// lie before what was shown earlier.
  private mutating func reads(
    _ request: ClientRequest, _ matches: (StoredMachine?) -> Bool
  ) throws(Violation) -> Bool {
    let found = request.states.filter { matches($0.machine) }.map(\.number)
    guard let latest = found.max() else { return false }
    try require(
      latest >= request.floor, .readsGoOn,
      "\(request.machine): get \(request.id.number) shows state \(latest), an earlier one was "
        + "shown \(request.floor)")
    if let first = found.filter({ $0 >= request.floor }).min() {
      show(request.machine, revision: first)
    }
    return true
  }

  /// A page of a queue is in order, and shows what was accepted.
  func listed(_ request: ClientRequest, _ page: NotificationPage) throws(Violation) {
    guard case .listNotifications(let query) = request.operation else {
      throw Violation(.oneReply, "\(request.machine): \(request.operation.name) gets a queue")
    }
    var last = query.after
    for (notification, sequence) in zip(page.notifications, page.sequences) {
      let known = accepted[notification.notificationID]
      try require(
        sequence > last && known?.sequence == sequence && known?.machine == request.machine,
        .truthfulReads, "\(request.machine): a queue shows \(notification.notificationID)")
      last = sequence
    }
    try require(
      page.notifications.count <= Int(query.pageSize), .truthfulReads,
      "a page is larger than asked for")
  }

  func listed(_ request: ClientRequest, _ machines: [Machine], last: String?) throws(Violation) {
    guard case .list(let query) = request.operation else {
      throw Violation(.oneReply, "\(request.machine): \(request.operation.name) gets a list")
    }
    try require(
      machines.count <= Int(query.pageSize), .truthfulReads, "a page is larger than asked for")
    // Of those that are late, the ones that run by now are left out of their page.
    let leavesOut = query.status == .late
    try require(
      last == nil || last == machines.last?.machineID.id || leavesOut, .truthfulReads,
      "the next page begins elsewhere than this one ends")
    var before = query.after
    for machine in machines {
      let id = machine.machineID.id
      if let before {
        try require(
          before.utf8.lexicographicallyPrecedes(id.utf8), .truthfulReads, "a page is out of order")
      }
      before = id
      let fits =
        switch query.status {
        case .any: true
        case .working: !machine.status.isFailed
        case .failed: machine.status.isFailed
        case .retrying: machine.status.isRetrying
        case .paused: machine.pause != nil
        case .late: !machine.status.isFailed
        }
      try require(
        fits && id.utf8.starts(with: query.idPrefix.utf8)
          && machine.machineID.namespace.isExactly(request.machine.namespace)
          && machine.history.isEmpty,
        .truthfulReads, "a page shows \(machine.machineID), which was not asked for")
    }
  }
}

extension WaitCondition {
  fileprivate func isMet(by machine: StoredMachine?) -> Bool {
    guard let row = machine?.row else { return false }
    return switch self {
    case .afterEvent(let id): row.lastEventID > id
    case .notWorking: row.failure != nil || row.pause != nil
    }
  }
}

extension MachineStatus {
  var isRetrying: Bool {
    if case .working(.some) = self { true } else { false }
  }
}

extension StoredMachine {
  /// Whether a reader may be shown this machine when its row is as here.
  func matches(_ machine: Machine, range: HistoryRange) -> Bool {
    let sameStatus =
      switch machine.status {
      case .failed(let failure): failure == row.failure
      case .working(nil): row.failure == nil && retrying.isEmpty
      case .working(let state?): row.failure == nil && retrying.contains(state)
      }
    return sameStatus && machine.lastEventID == row.lastEventID
      && machine.auxState == row.auxState && machine.pause == row.pause
      && machine.createdAt == row.createdAt && machine.since == row.since
      && machine.timer == row.timer?.firesAt && machine.history == select(range)
      // What was accepted in the transaction of a step counts after the step.
      && machine.queuedNotifications <= row.notificationCount
  }
}
