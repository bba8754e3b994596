import MachineModel

/// A machine whose row says that it has something to do by itself, though it has not: a
/// notification that was to be queued was counted in it, and then could not be written. The row is
/// put right.
struct SettlingStep: StepOperation {
  var counted: NamespaceCounts.Step? { nil }

  func begin(_ view: StepView) -> Beginning {
    guard let row = view.row, view.isDueForNothing else { return .pass }
    return .write(.paused(row), nil)
  }
}
