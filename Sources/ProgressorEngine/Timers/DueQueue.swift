import DequeModule
import MachineModel

/// Machines of a namespace whose time has come and whose turn has not, in the order in which they
/// became due; each stands here once.
struct DueQueue {
  private var order: Deque<MachineID> = []
  private var members: Set<MachineID> = []

  var count: Int { order.count }
  var isEmpty: Bool { order.isEmpty }

  mutating func append(_ machine: MachineID) {
    if members.insert(machine).inserted { order.append(machine) }
  }

  mutating func popFirst() -> MachineID? {
    guard let first = order.popFirst() else { return nil }
    members.remove(first)
    // After a crowd its memory is given back.
    if order.isEmpty { self = DueQueue() }
    return first
  }
}
