import MachineModel

/// Pause and Resume, of one machine and of a namespace: where it is paused, no step begins; what
/// runs is waited for. A machine's pause is part of its row, a namespace's of its settings.
extension Engine {
  mutating func beginPause(_ machine: ResidentMachine, _ reason: String) {
    guard var row = machine.row else {
      return endUncommitted(machine, .error(.machineNotFound(machine.id)))
    }
    if row.pause != nil { return endUncommitted(machine, .paused) }
    row.pause = Pause(pausedAt: now.wall, reason: reason)
    commitPause(machine, row, reply: .paused)
  }

  mutating func beginResume(_ machine: ResidentMachine) {
    guard var row = machine.row else {
      return endUncommitted(machine, .error(.machineNotFound(machine.id)))
    }
    if row.pause == nil { return endUncommitted(machine, .resumed) }
    row.pause = nil
    commitPause(machine, row, reply: .resumed)
  }

  private mutating func commitPause(
    _ machine: ResidentMachine, _ row: MachineRow, reply: Reply
  ) {
    var row = row
    row.version += 1
    row.due = machine.due(row: row, head: machine.notifications.head, now: now)
    let record = CommitRecord(
      shard: machine.shard, namespace: machine.namespace.number, machine: machine.id,
      key: row.key, row: .pause(row))
    write(machine, record, .becomes(row, events: [], queue: .keep), reply)
  }

  /// Why nothing that asks the processor may begin on the machine.
  func pauseError(_ machine: ResidentMachine, _ row: MachineRow) -> ProgressorError? {
    if let pause = row.pause { return .machinePaused(pause) }
    return machine.namespace.settings.pause.map(ProgressorError.namespacePaused)
  }

  // MARK: Namespaces

  /// The namespace is paused: steps that wait at its gate do not begin. Their machines find that
  /// out in turn; nothing that is due is lost.
  mutating func turnAway(_ namespace: NamespaceState) {
    guard let pause = namespace.settings.pause else { return }
    let waiting =
      namespace.waiting.takeAll() + namespace.large.takeAll() + namespace.outside.takeAll()
    for machine in waiting {
      machine.running?.phase = nil
      if machine.running?.requestID == nil {
        end(machine)
      } else {
        endUncommitted(machine, .error(.namespacePaused(pause)))
      }
    }
  }

  /// Answers when no step runs in the paused namespace any more.
  mutating func awaitQuiet(_ request: Request, _ namespace: NamespaceState) {
    guard namespace.settings.pause != nil, namespace.steps > 0 else {
      return effects.append(.reply(request.id, .quiet))
    }
    register(request, nil, in: namespace)
    namespace.quietWaiters.append(request.id)
  }

  mutating func answerQuietWaiters(_ namespace: NamespaceState) {
    for id in namespace.quietWaiters.takeAll() { answer(id, .quiet) }
  }
}
