import MachineModel

/// Remove: in any status, in its turn; what waits behind it finds no machine.
extension Engine {
  mutating func beginRemove(_ machine: ResidentMachine) {
    guard let row = machine.row else {
      return endUncommitted(machine, .error(.machineNotFound(machine.id)))
    }
    commitRemoval(machine, row, reply: .removed)
  }
}
