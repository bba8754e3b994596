import MachineModel

/// Machines, the one that came in first before all others. The links are in the machines
/// themselves, so that standing here costs no memory and leaving, from anywhere, a constant time.
struct IdleMachines {
  /// A machine's place among them.
  struct Place {
    // Not owners, as below.
    fileprivate unowned var before: ResidentMachine?
    fileprivate unowned var after: ResidentMachine?
    fileprivate(set) var isListed = false
  }

  // Not owners: the engine's table is, and whoever leaves that has left this before.
  private(set) unowned var first: ResidentMachine?
  private unowned var last: ResidentMachine?
  private(set) var count = 0

  mutating func append(_ machine: ResidentMachine) {
    assert(!machine.idle.isListed, "a machine is listed as idle once")
    assert(machine.idle.before == nil && machine.idle.after == nil, "who stands alone has no links")
    machine.idle.isListed = true
    machine.idle.before = last
    last?.idle.after = machine
    last = machine
    if first == nil { first = machine }
    count += 1
  }

  mutating func remove(_ machine: ResidentMachine) {
    guard machine.idle.isListed else { return }
    let place = machine.idle
    machine.idle = Place()
    if let before = place.before { before.idle.after = place.after } else { first = place.after }
    if let after = place.after { after.idle.before = place.before } else { last = place.before }
    count -= 1
    assert((count == 0) == (first == nil) && (count == 0) == (last == nil), "a link is broken")
  }
}

/// The machines in memory: what they take together, and the idle ones in the order in which they
/// were used last, the first to leave first.
struct Residency {
  /// What one machine takes. Bytes.
  struct Charge {
    /// All that was charged for it.
    fileprivate(set) var bytes = 0
    /// Its requests, and its notifications on their way whose requests are answered already.
    fileprivate(set) var requests = 0
    fileprivate(set) var unheard = 0
  }

  private let limit: Int
  private var machines: [MachineID: ResidentMachine] = [:]
  private var idle = IdleMachines()
  /// Of all machines in memory.
  private(set) var bytes = 0

  init(_ configuration: EngineConfiguration) { limit = configuration.residentBytes }

  var count: Int { machines.count }
  var idleCount: Int { idle.count }
  /// In no order.
  var all: some Collection<ResidentMachine> { machines.values }

  subscript(id: MachineID) -> ResidentMachine? { machines[id] }

  /// The machine is in memory from now on. It is not idle until `becameIdle` says so.
  mutating func insert(_ machine: ResidentMachine) {
    assert(machines[machine.id] == nil, "a machine is in memory once")
    assert(machine.charge.bytes == 0, "what comes into memory is charged from now on")
    machines[machine.id] = machine
    charge(machine)
  }

  /// The machine leaves memory: nothing of it stays here.
  mutating func remove(_ machine: ResidentMachine) {
    idle.remove(machine)
    // Its requests are told first that it is gone, or stay with nobody for a moment.
    bytes -= machine.charge.bytes
    machine.charge.bytes = 0
    machine.charge.requests = 0
    assert(bytes >= 0, "more bytes left memory than were charged")
    assert(machines[machine.id] === machine, "who leaves memory was there")
    // Another machine of the id that were there must not go with this one.
    if machines[machine.id] === machine { machines[machine.id] = nil }
  }

  /// Takes down what the machine takes now.
  mutating func charge(_ machine: ResidentMachine) {
    if machine.isDropped { return }
    let now = machine.bytes
    bytes += now - machine.charge.bytes
    machine.charge.bytes = now
    assert(bytes >= now, "all machines take no less than one of them")
  }

  /// A request of the machine came (bytes) or ended (−bytes).
  mutating func charge(_ request: Int, to machine: ResidentMachine) {
    assert(!machine.isDropped, "a machine that is gone is charged nothing")
    machine.charge.requests += request
    assert(machine.charge.requests >= 0, "more requests of the machine ended than came")
    machine.charge.bytes += request
    bytes += request
  }

  /// The request of a notification on its way is answered (bytes), or the notification is written,
  /// or never will be (−bytes).
  mutating func chargeUnheard(_ notification: Int, to machine: ResidentMachine) {
    machine.charge.unheard += notification
    assert(machine.charge.unheard >= 0, "more is given back than was kept of answered requests")
    charge(machine)
  }

  mutating func becameIdle(_ machine: ResidentMachine) {
    assert(machine.isIdle && !machine.isDropped, "only who has nothing to do may leave memory")
    charge(machine)
    idle.remove(machine)
    idle.append(machine)
  }

  mutating func becameBusy(_ machine: ResidentMachine) {
    assert(!machine.isDropped, "a machine that is gone is not used again")
    idle.remove(machine)
  }

  /// The machine that leaves, as long as there is more in memory than there may be: of those that
  /// are idle, the one that was not used for the longest time.
  var nextToLeave: ResidentMachine? { bytes > limit ? idle.first : nil }
}
