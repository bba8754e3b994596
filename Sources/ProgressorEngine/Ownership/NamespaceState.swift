import MachineModel

/// A namespace in the engine: its settings, and the gate through which its steps go.
///
/// An object, since each of its machines refers to it and its settings change under them.
final class NamespaceState {
  let number: NamespaceNumber
  var settings: Namespace

  /// Steps between the gate and their end, and those of them that a processor works on.
  private(set) var steps = 0
  private(set) var invocations = 0
  /// Those of them that the database cannot write now: so many others may run in their place.
  var aside = 0
  /// Machines whose step waits at the gate, everything read; those whose step waits with nothing
  /// read for it; and how many are being read.
  var waiting = RemovalQueue<ResidentMachine>()
  var outside = RemovalQueue<ResidentMachine>()
  /// Like those outside, but known to have a history that is not small.
  var large = RemovalQueue<ResidentMachine>()
  /// What its steps hold of ``Engine/stepMemory``.
  var stepBytes = 0
  /// What those of them that stand aside hold, and its notifications that are kept: neither is
  /// counted there.
  var asideBytes = 0
  var preparing = 0

  /// Requests that wait until no step runs here.
  var quietWaiters = RemovalQueue<RequestID>()

  /// The endpoint was found down and is awaited.
  var isDown = false
  /// Times that the endpoint was found down since a call last reached it.
  var outages = 0

  /// Requests of the namespace that are not answered yet.
  var requests = 0
  /// Loads of its requests that were answered before.
  var unheardLoads = 0
  /// What its machines do by themselves.
  var schedule = NamespaceSchedule()
  /// There is no such namespace any more.
  var isGone = false

  /// For statistics.
  var counts = NamespaceCounts()
  var longestMailbox = Peak()
  var longestQueue = Peak()

  /// Microseconds before parked work goes on: none the first time, then more and more, so that an
  /// endpoint that accepts connections and refuses every call is not called in a circle.
  var pauseAfterOutage: Int64 {
    outages <= 1 ? 0 : min(5_000_000, 10_000 << Int64(min(outages - 2, 9)))
  }

  /// What becomes due has to wait, outside of mailboxes.
  var parks: Bool { isDown || settings.pause != nil }

  init(_ record: NamespaceRecord) {
    number = record.number
    settings = record.namespace
  }

  /// Microseconds.
  var processorTimeout: Int64 {
    settings.processor.timeout ?? ProcessorOptions.defaultTimeout
  }

  var mailboxLimit: Int { Int(settings.limits.mailbox ?? Limits.defaultMailbox) }

  var notificationLimit: Int { Int(settings.limits.notifications ?? Limits.defaultNotifications) }

  var stepLimit: Int { Int(settings.limits.stepsInFlight ?? Limits.defaultStepsInFlight) }

  var invocationLimit: Int {
    let maximum = settings.processor.maxInFlight
    return Int(maximum > 0 ? maximum : ProcessorOptions.defaultMaxInFlight)
  }

  /// Enough to keep the processor busy while others are read and written; never more than steps.
  var activeLimit: Int { min(stepLimit, 2 * invocationLimit + 256) }

  var isOpen: Bool { freeSteps > 0 && invocations < invocationLimit }

  /// Steps that may still begin. Those that stand aside take the places of others when they are
  /// many.
  var freeSteps: Int { stepLimit - steps + min(aside, stepLimit) }

  func stepEntered() {
    steps += 1
    invocations += 1
  }

  func invocationEnded() { invocations -= 1 }

  func stepEnded() { steps -= 1 }

  /// Microseconds that an idempotency key is kept.
  var idempotencyRetention: Int64 {
    settings.idempotencyRetention ?? Namespace.defaultIdempotencyRetention
  }
}

/// One namespace in the engine is itself, whatever its name: another may have had it before.
extension NamespaceState: Hashable {
  static func == (a: NamespaceState, b: NamespaceState) -> Bool { a === b }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
