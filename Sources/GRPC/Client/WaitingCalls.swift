import NIOCore

/// A call as the pool keeps it.
protocol PooledCall: DeadlineHolder, Queueable {
  /// When the pool looks at the call next.
  var deadline: NIODeadline { get set }
  /// Whether the call is in the queue.
  var isQueued: Bool { get set }
  /// Whether the call waits for a connection, whatever happens, until its deadline.
  var waitsForReady: Bool { get }
}

/// The calls that wait for a connection or a free stream, those that were refused and are tried
/// again after a pause, and the deadlines of all that are open. A value without IO.
struct WaitingCalls<Call: PooledCall> {
  /// How long refused calls pause, on average.
  private static var pause: TimeAmount { .milliseconds(100) }

  private var queue: CallQueue<Call>
  /// Calls that the peer refused, until they are tried again. One pause serves all of them.
  private(set) var pausing: [Call] = []
  private var pauseEnd: NIODeadline?
  private var deadlines = DeadlineHeap<Call>()

  init(limit: Int) {
    queue = CallQueue(limit: limit)
  }

  /// How many calls wait in the queue.
  var count: Int { queue.count }

  var isEmpty: Bool { queue.isEmpty }

  /// When something is due.
  var nextDeadline: NIODeadline? { .earliest(deadlines.first?.deadline, pauseEnd) }

  /// Adds a call at the end; false if the queue is full.
  mutating func append(_ call: Call) -> Bool {
    guard queue.append(call) else { return false }
    call.isQueued = true
    return true
  }

  /// Puts a call that had left the queue before all others, whatever the limit.
  mutating func putBack(_ call: Call) {
    call.isQueued = true
    queue.putBack(call)
  }

  /// Takes the first call that has not ended.
  mutating func popFirst() -> Call? {
    guard let call = queue.popFirst() else { return nil }
    call.isQueued = false
    return call
  }

  /// Keeps a refused call for a moment, so that the peer is not asked without end.
  mutating func pause(_ call: Call, now: NIODeadline, random: Double) {
    pausing.append(call)
    guard pauseEnd == nil else { return }
    let pause = Self.pause.nanoseconds
    pauseEnd = now + .nanoseconds(pause / 2 + Int64(Double(pause) * random))
  }

  /// Puts the calls back whose pause is over.
  mutating func endPause(now: NIODeadline) {
    guard let pauseEnd, pauseEnd <= now else { return }
    self.pauseEnd = nil
    let calls = pausing
    pausing = []
    for call in calls.reversed() where !call.isFinished { putBack(call) }
  }

  /// Takes the calls out of the queue that fail when no connection is to be had.
  mutating func removeImpatient() -> [Call] {
    take(queue.removeAll { !$0.waitsForReady })
  }

  /// Takes everything out that waits or pauses.
  mutating func removeAll() -> [Call] {
    let calls = take(queue.removeAll { _ in true }) + pausing.filter { !$0.isFinished }
    pausing = []
    pauseEnd = nil
    return calls
  }

  private func take(_ calls: [Call]) -> [Call] {
    for call in calls { call.isQueued = false }
    return calls
  }

  /// Looks at a call at `deadline` next; never, if that is the distant future.
  mutating func watch(_ call: Call, until deadline: NIODeadline) {
    deadlines.remove(call)
    call.deadline = deadline
    if deadline < .distantFuture { deadlines.insert(call) }
  }

  /// Takes a call whose deadline came; it is not watched any more.
  mutating func popDue(now: NIODeadline) -> Call? {
    deadlines.popExpired(now: now)
  }

  /// A call ended, wherever it was.
  mutating func finished(_ call: Call) {
    deadlines.remove(call)
    if call.isQueued { queue.noteFinished() }
  }
}
