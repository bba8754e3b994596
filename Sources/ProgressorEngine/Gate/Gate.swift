/// The gate of a namespace: so many steps run at once, and few more have their machines read and
/// wait. All others wait with nothing read for them.
///
/// It counts and queues; what its steps do is the engine's.
final class Gate {
  /// Where a step waits.
  enum Station {
    /// With everything read.
    case waiting
    /// With nothing read for it.
    case outside
    /// Without its history, which is not small.
    case large
  }

  /// What may be at once, on this core.
  struct Limits {
    /// Steps that passed and are not over.
    var steps: Int
    /// Those of them that a processor works on.
    var invocations: Int
  }

  var limits: Limits
  /// Steps between the gate and their end, and those of them that a processor works on.
  private(set) var steps = 0
  private(set) var invocations = 0
  /// Steps whose machines are being read for them.
  private(set) var preparing = 0
  /// Steps that passed and that the database cannot write now: so many others may run in their
  /// place.
  private(set) var aside = 0

  private var waiting = RemovalQueue<ResidentMachine>()
  private var outside = RemovalQueue<ResidentMachine>()
  private var large = RemovalQueue<ResidentMachine>()

  /// Machines that are read for steps, or wait at the gate, beside those that could run at once.
  static let maximumAhead = 256

  init(_ limits: Limits) { self.limits = limits }

  /// Steps that wait, wherever.
  var waitingCount: Int { waiting.count + outside.count + large.count }

  /// Somebody waits with nothing read, or without its history.
  var hasOutside: Bool { !outside.isEmpty || !large.isEmpty }

  /// Another step may pass.
  var isOpen: Bool { free(.step) > 0 && free(.invocation) > 0 }

  /// It may pass at once: nobody waits for the same.
  var isFree: Bool { isOpen && waiting.isEmpty }

  /// Permits of a kind that are taken. Steps that stand aside take the places of others only when
  /// they are many.
  func used(_ kind: PermitKind) -> Int {
    switch kind {
    case .step: steps - min(aside, limits.steps)
    case .invocation: invocations
    }
  }

  /// Permits of a kind that are not; negative after the limits were lowered.
  func free(_ kind: PermitKind) -> Int { limits[kind] - used(kind) }

  /// Steps that need nothing more than permits.
  var waitingToPass: Int { waiting.count }

  /// Whether another step may have its machine read.
  var mayPrepare: Bool {
    let free = max(0, min(free(.step), free(.invocation)))
    return preparing + waiting.count < free + Gate.maximumAhead
  }

  /// The next one that may have its machine read, and whether its history is large.
  var nextOutside: (machine: ResidentMachine, isLarge: Bool)? {
    if let machine = large.first { return (machine, true) }
    return outside.first.map { ($0, false) }
  }

  func contains(_ machine: ResidentMachine, at station: Station) -> Bool {
    switch station {
    case .waiting: waiting.contains(machine)
    case .outside: outside.contains(machine)
    case .large: large.contains(machine)
    }
  }

  func wait(_ machine: ResidentMachine, at station: Station) {
    assert(!waits(machine), "a step waits at one place of the gate")
    switch station {
    case .waiting: waiting.append(machine)
    case .outside: outside.append(machine)
    case .large: large.append(machine)
    }
  }

  private func waits(_ machine: ResidentMachine) -> Bool {
    waiting.contains(machine) || outside.contains(machine) || large.contains(machine)
  }

  func remove(_ machine: ResidentMachine, from station: Station) {
    assert(contains(machine, at: station), "a step leaves where it waits")
    switch station {
    case .waiting: waiting.remove(machine)
    case .outside: outside.remove(machine)
    case .large: large.remove(machine)
    }
  }

  /// The next one that may pass.
  func popWaiting() -> ResidentMachine? { isOpen ? waiting.popFirst() : nil }

  /// Everybody who waits.
  func takeAll() -> [ResidentMachine] { waiting.takeAll() + large.takeAll() + outside.takeAll() }

  func beginPreparing() {
    assert(mayPrepare, "no more are prepared than may come near the gate")
    preparing += 1
  }

  func endPreparing() {
    preparing -= 1
    assert(preparing >= 0, "more were prepared than began")
  }

  /// The machine's step is prepared no longer, if it was.
  func donePreparing(_ machine: ResidentMachine) {
    if machine.running?.endPreparing() == true { endPreparing() }
  }

  /// A step passes to its processor.
  func pass() {
    assert(isOpen, "nobody passes a closed gate")
    steps += 1
    invocations += 1
  }

  /// The processor is done with a step, or the step with the processor.
  func invocationEnded() {
    invocations -= 1
    assert(invocations >= 0, "more calls ended than began")
  }

  /// A step that passed keeps nobody from passing, however long it lasts.
  func standAside() {
    aside += 1
    assert(aside <= steps, "who stands aside has passed")
  }

  /// A step that passed is over.
  func leave(wasAside: Bool) {
    steps -= 1
    if wasAside { aside -= 1 }
    assert(steps >= 0 && aside >= 0 && aside <= steps, "more steps ended than passed")
    assert(invocations <= steps, "a step is over after its call")
  }
}
