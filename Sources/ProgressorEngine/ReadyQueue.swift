import DequeModule

/// What is to be looked at before the turn goes on: machines that may begin their next step,
/// namespaces whose gate may let somebody through, and permits that move.
///
/// Whoever changes what they wait for puts them here, and the engine looks at one after the other.
/// So nothing that happens calls what follows from it: no step begins inside of another one's end.
/// To stand here twice, or for nothing, does no harm.
struct ReadyQueue {
  enum Item {
    case machine(ResidentMachine)
    case gate(NamespaceState)
    case permits(PermitMessage)
  }

  private var machines: Deque<ResidentMachine> = []
  private var gates: Deque<NamespaceState> = []
  private var permits: Deque<PermitMessage> = []

  var isEmpty: Bool { machines.isEmpty && gates.isEmpty && permits.isEmpty }

  mutating func add(_ machine: ResidentMachine) { machines.append(machine) }

  mutating func add(_ namespace: NamespaceState) { gates.append(namespace) }

  mutating func add(_ message: PermitMessage) {
    assert(message.from == message.to, "here a core hears what it says to itself")
    permits.append(message)
  }

  /// Machines first: what ends makes room for others. Then what this core says to itself as the
  /// home of permits.
  mutating func next() -> Item? {
    if let machine = machines.popFirst() { return .machine(machine) }
    if let message = permits.popFirst() { return .permits(message) }
    return gates.popFirst().map(Item.gate)
  }
}
