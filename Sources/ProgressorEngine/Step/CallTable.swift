import MachineModel

/// The steps that processors work on, and whose they are.
struct CallTable {
  private var machines: [StepID: ResidentMachine] = [:]

  subscript(step: StepID) -> ResidentMachine? { machines[step] }

  /// In no order.
  var all: some Collection<(key: StepID, value: ResidentMachine)> { machines }

  func contains(_ step: StepID) -> Bool { machines[step] != nil }

  mutating func began(_ step: StepID, _ machine: ResidentMachine) {
    assert(machines[step] == nil, "a step calls its processor once")
    machines[step] = machine
  }

  mutating func ended(_ step: StepID) {
    let machine = machines.removeValue(forKey: step)
    assert(machine != nil, "a call ends once")
  }
}
