import MachineModel

/// Remove: in any status, in its turn; what waits behind it finds no machine.
struct RemoveStep: StepOperation {
  var counted: NamespaceCounts.Step? { .remove }
  var takesAway: Bool { true }
  var tellsRemoval: Bool { true }

  func begin(_ view: StepView) -> Beginning {
    guard let row = view.row else { return .answer(.error(.machineNotFound(view.id))) }
    return .write(.removed(row), .removed)
  }

  /// What is to be gone need not be readable.
  func meetDamage(_ damage: String, of row: MachineRow, _ view: StepView) -> Decision {
    .write(.removed(row), .removed)
  }
}
