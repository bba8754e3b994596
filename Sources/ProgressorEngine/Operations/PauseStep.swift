import MachineModel

/// Pause of one machine: part of its row. Where it is paused, no step begins that asks the
/// processor.
struct PauseStep: StepOperation {
  let reason: String
  /// Who asks.
  let principal: String?

  var counted: NamespaceCounts.Step? { .pause }
  var isUrgent: Bool { true }
  var takesAway: Bool { true }

  func begin(_ view: StepView) -> Beginning {
    guard var row = view.row else { return .answer(.error(.machineNotFound(view.id))) }
    if row.pause != nil { return .answer(.paused) }
    row.pause = Pause(pausedAt: view.now.wall, reason: reason, principal: principal)
    return .write(.paused(row), .paused)
  }
}

/// The end of a machine's pause.
struct ResumeStep: StepOperation {
  var counted: NamespaceCounts.Step? { .pause }
  var isUrgent: Bool { true }
  var takesAway: Bool { true }

  func begin(_ view: StepView) -> Beginning {
    guard var row = view.row else { return .answer(.error(.machineNotFound(view.id))) }
    if row.pause == nil { return .answer(.resumed) }
    row.pause = nil
    return .write(.paused(row), .resumed)
  }
}
