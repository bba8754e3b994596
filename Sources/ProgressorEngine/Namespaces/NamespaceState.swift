import DequeModule
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
  /// Machines whose step waits at the gate; each stands here once at most.
  var waiting: Deque<ResidentMachine> = []

  /// Machines whose timeout or delivery waits for the endpoint; nil = the endpoint is taken to be up.
  var parked: Set<MachineID>?
  /// More wait than `parked` holds; they are read again from the database.
  var parkedOverflowed = false
  static let maximumParked = 100_000
  /// Times that the endpoint was found down since a call last reached it.
  var outages = 0

  /// Microseconds before parked work goes on: none the first time, then more and more, so that an
  /// endpoint that accepts connections and refuses every call is not called in a circle.
  var pauseAfterOutage: Int64 {
    outages <= 1 ? 0 : min(5_000_000, 10_000 << Int64(min(outages - 2, 9)))
  }

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

  var isOpen: Bool {
    let maximum = settings.processor.maxInFlight
    return steps < Int(settings.limits.stepsInFlight ?? Limits.defaultStepsInFlight)
      && invocations < Int(maximum > 0 ? maximum : ProcessorOptions.defaultMaxInFlight)
  }

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
