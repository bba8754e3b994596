import DequeModule

/// Machines whose steps wait for their namespace, first in, first out.
///
/// A step that leaves before its turn leaves its entry behind, since finding it would cost a walk
/// through all; entries that no step stands behind are swept when they are the larger part.
struct GateQueue {
  /// Whether its steps wait with nothing read for them.
  private let isOutside: Bool
  private var entries: Deque<ResidentMachine> = []
  private var left = 0

  init(isOutside: Bool) {
    self.isOutside = isOutside
  }

  /// Steps that wait.
  var count: Int { entries.count - left }
  var isEmpty: Bool { count <= 0 }

  mutating func append(_ machine: ResidentMachine) { entries.append(machine) }

  /// The next machine whose step still waits.
  mutating func popFirst() -> ResidentMachine? {
    while let machine = entries.popFirst() {
      if holds(machine) { return machine }
      left -= 1
    }
    return nil
  }

  /// Everything that waits, taken out.
  mutating func takeAll() -> [ResidentMachine] {
    defer { self = GateQueue(isOutside: isOutside) }
    return unique
  }

  /// A step left before its turn.
  mutating func noteLeft() {
    left += 1
    guard left > 1_024, left > entries.count / 2 else { return }
    entries = Deque(unique)
    left = 0
  }

  /// Machines that wait, each once: one that left and came again may stand here twice.
  private var unique: [ResidentMachine] {
    var seen: Set<ObjectIdentifier> = []
    return entries.filter { holds($0) && seen.insert(ObjectIdentifier($0)).inserted }
  }

  private func holds(_ machine: ResidentMachine) -> Bool {
    !machine.isDropped && machine.running?.phase == .gated
      && machine.running?.isOutside == isOutside
  }
}
