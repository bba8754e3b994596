import MachineModel

/// What is measured of a server.
extension Benchmark {
  func measureServer(_ stage: Stage, into report: inout Report) async throws {
    let requests = RequestPhases(stage: stage)
    let timers = TimerPhases(stage: stage)
    let group = Group.progressor
    let nothing = HistoryRange(limit: 0)
    let lastTen = HistoryRange(limit: 10, direction: .backward)
    for callers in [1, 16, 64, 256] {
      try await phase("calls, \(text(callers))", of: group, into: &report) {
        PhaseResult(
          try await requests.calls($0, callers: callers, wish: Wish.event, history: nothing))
      }
    }
    try await phase("calls, 64, 10 events shown", of: group, into: &report) {
      PhaseResult(
        try await requests.calls($0, callers: 64, wish: Wish.event, history: lastTen))
    }
    try await phase("queries, 64 callers", of: group, into: &report) {
      PhaseResult(
        try await requests.calls($0, callers: 64, wish: Wish.query, history: nothing))
    }
    try await phase("starts, 64 callers", of: group, into: &report) {
      PhaseResult(try await requests.starts($0, callers: 64))
    }
    try await phase("notifications, 64 callers", of: group, into: &report) {
      PhaseResult(measurements: try await requests.notifications($0, callers: 64))
    }
    try await phase("zero timers, 64 machines", of: group, into: &report) {
      PhaseResult(try await timers.chains($0, machines: 64))
    }
    try await phase("timers due at one time", of: group, into: &report) {
      PhaseResult(try await timers.dueAtOnce($0))
    }
    try await phase("timers, one every 10 ms", of: group, into: &report) {
      PhaseResult(try await timers.lateness($0))
    }
    try await measureWhatStepsAlsoDo(stage, into: &report)
  }

  /// What a step costs that does more than append an event, compared with one that does not.
  private func measureWhatStepsAlsoDo(_ stage: Stage, into report: inout Report) async throws {
    try await ComparedNamespaces.create(on: stage)
    let feed = FeedPhases(stage: stage)
    let messages = MessagePhases(stage: stage)
    let group = Group.progressor
    for callers in [16, 64] {
      try await phase("feed, \(text(callers))", of: group, into: &report) {
        try await feed.cost($0, callers: callers)
      }
      try await phase("feed followed, \(text(callers))", of: group, into: &report) {
        try await feed.lag($0, callers: callers)
      }
      try await phase("messages, \(text(callers))", of: group, into: &report) {
        try await messages.cost($0, callers: callers)
      }
    }
  }

  /// What watches hold of a server that has done nothing before.
  func measureWatches(_ stage: Stage, into report: inout Report) async throws {
    try await ComparedNamespaces.create(on: stage)
    try await phase("10,000 idle watches", of: Group.progressor, into: &report) {
      PhaseResult(findings: try await memory(of: stage).idleWatches($0))
    }
  }

  /// The same of messages that are not due, on the database that the watches have left behind.
  func measurePendingMessages(_ stage: Stage, into report: inout Report) async throws {
    try await phase("100,000 pending messages", of: Group.progressor, into: &report) {
      PhaseResult(findings: try await memory(of: stage).pendingMessages($0))
    }
  }

  private func memory(of stage: Stage) throws -> MemoryPhases {
    guard let server = stage.meter.server else { throw BenchmarkError("there is no server") }
    return MemoryPhases(stage: stage, memory: IdleMemory(server: server))
  }
}
