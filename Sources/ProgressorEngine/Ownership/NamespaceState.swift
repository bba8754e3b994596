import MachineModel

/// A namespace in the engine: its settings, and the gate through which its steps go.
///
/// An object, since each of its machines refers to it and its settings change under them.
final class NamespaceState {
  let number: NamespaceNumber
  private(set) var settings: Namespace

  let gate: Gate
  /// What this core has of the namespace's limits; nil = the node has no other core.
  var permits: NamespacePermits?
  /// What its steps and notifications hold.
  var memory = StepMemory.Account()

  /// Requests that wait until no step runs here.
  private(set) var quietWaiters = RemovalQueue<RequestID>()

  /// The endpoint was found down and is awaited.
  private(set) var isDown = false
  /// Times that the endpoint was found down since a call last reached it.
  private var outages = 0

  /// What its requests take of the places for requests. Their table's.
  var places = RequestTable.Places()
  /// What its machines do by themselves.
  var schedule = NamespaceSchedule()
  /// There is no such namespace any more.
  private(set) var isGone = false

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

  /// - Parameters:
  ///   - part: Of the core.
  ///   - generation: See ``PermitMessage/generation``.
  init(_ record: NamespaceRecord, _ part: ShardPart = .all, generation: UInt64 = 0) {
    number = record.number
    settings = record.namespace
    if part.cores > 1 { permits = NamespacePermits(number, part, generation: generation) }
    gate = Gate(permits?.limits ?? NamespaceState.nodeLimits(record.namespace))
  }

  /// Takes other settings over; they hold from now on. Permits of other cores follow.
  func change(_ settings: Namespace) {
    assert(ExactText(settings.name) == ExactText(self.settings.name), "a namespace keeps its name")
    self.settings = settings
    if permits == nil { gate.limits = nodeLimits }
  }

  /// The endpoint cannot be reached. Answers whether that is news.
  func endpointWentDown() -> Bool {
    if isDown { return false }
    isDown = true
    outages += 1
    return true
  }

  /// Somebody says that it can be reached again.
  func endpointCameBack() {
    assert(isDown, "only what was down comes back")
    isDown = false
  }

  /// A call reached it.
  func endpointWasReached() { outages = 0 }

  /// There is no such namespace any more.
  func dissolved() {
    assert(!isGone, "a namespace is gone once")
    isGone = true
  }

  /// The request is answered when no step runs here.
  func awaitQuiet(_ request: RequestID) {
    assert(!quietWaiters.contains(request), "a request waits once for the quiet")
    quietWaiters.append(request)
  }

  /// Nothing happens if it did not wait.
  func awaitsQuietNoMore(_ request: RequestID) { quietWaiters.remove(request) }

  func takeQuietWaiters() -> [RequestID] { quietWaiters.takeAll() }

  /// What this core has of the namespace's permits has changed.
  func followPermits() {
    if let permits { gate.limits = permits.limits }
  }

  /// What may be at once on the node.
  var nodeLimits: Gate.Limits { NamespaceState.nodeLimits(settings) }

  private static func nodeLimits(_ settings: Namespace) -> Gate.Limits {
    let invocations = settings.processor.maxInFlight
    return Gate.Limits(
      steps: Int(settings.limits.stepsInFlight ?? Limits.defaultStepsInFlight),
      invocations: Int(invocations > 0 ? invocations : ProcessorOptions.defaultMaxInFlight))
  }

  /// Microseconds.
  var processorTimeout: Int64 {
    settings.processor.timeout ?? ProcessorOptions.defaultTimeout
  }

  var mailboxLimit: Int { Int(settings.limits.mailbox ?? Limits.defaultMailbox) }

  var notificationLimit: Int { Int(settings.limits.notifications ?? Limits.defaultNotifications) }

  /// Enough to keep the processor busy while others are read and written; never more than steps.
  var activeLimit: Int { min(nodeLimits.steps, 2 * nodeLimits.invocations + 256) }

  /// Microseconds that an idempotency key is kept.
  func retention(of key: String) -> Int64 {
    IdempotencyRow.retention(
      of: key,
      namespace: settings.idempotencyRetention ?? Namespace.defaultIdempotencyRetention)
  }

  var traceLevel: TraceLevel { settings.trace.level ?? TraceOptions.defaultLevel }

  /// What those are told who follow along.
  var feed: FeedOptions { settings.feed }

  /// Microseconds that a record of a step is kept.
  var traceRetention: Int64 { settings.trace.retention ?? TraceOptions.defaultRetention }
}

/// One namespace in the engine is itself, whatever its name: another may have had it before.
extension NamespaceState: Hashable {
  static func == (a: NamespaceState, b: NamespaceState) -> Bool { a === b }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
