import MachineModel

/// What a load was for.
enum LoadPurpose {
  case step(ResidentMachine, StepID)
  case notify(ResidentMachine, RequestID)
  case get(ResidentMachine, RequestID)
  /// A machine in nobody's hands became due.
  case wake(ResidentMachine)
  /// It is known what became of a message of the machine.
  case message(ResidentMachine, MessageRef, DeliveryVerdict)

  var machine: ResidentMachine {
    switch self {
    case .step(let machine, _), .notify(let machine, _), .get(let machine, _), .wake(let machine),
      .message(let machine, _, _):
      machine
    }
  }

  var isWake: Bool {
    if case .wake = self { true } else { false }
  }

  /// The request that it is for, while it is sent.
  var request: RequestID? {
    switch self {
    case .step(let machine, _): machine.running?.requestID
    case .notify(_, let request), .get(_, let request): request
    case .wake, .message: nil
    }
  }
}

struct LoadInFlight {
  let purpose: LoadPurpose
  /// Whose request it is for, answered meanwhile or not.
  let request: RequestID?
}

/// The loads that storage has not answered yet.
struct LoadTable {
  private var loads: [LoadID: LoadInFlight] = [:]

  var all: some Collection<LoadInFlight> { loads.values }

  subscript(id: LoadID) -> LoadInFlight? { loads[id] }

  mutating func insert(_ load: LoadInFlight, _ id: LoadID) {
    assert(loads[id] == nil, "a load has a number of its own")
    loads[id] = load
    load.purpose.machine.loadBegan()
  }

  /// nil = it was answered before.
  mutating func remove(_ id: LoadID) -> LoadInFlight? {
    guard let load = loads.removeValue(forKey: id) else { return nil }
    load.purpose.machine.loadEnded()
    return load
  }
}
