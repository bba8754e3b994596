import NIOCore
import Synchronization

/// The timers of one event loop, in one heap behind one task of the loop. Confined to the loop.
///
/// To cancel a task NIO looks at all tasks of the loop. Were each connection's timer one of them,
/// ten thousand that end together would hold the loop for seconds, and whatever else cancels a task
/// there would pay for all connections.
final class LoopAgenda: @unchecked Sendable {
  // Safe to share: constants are immutable, and every variable is touched on the loop only.

  private let eventLoop: any EventLoop
  private var timers = DeadlineHeap<LoopTimer>()
  private var planned: (at: NIODeadline, task: Scheduled<Void>)?

  /// So many timers fire in one go; others of the loop have their turn before the next.
  private static let timersPerGo = 64
  /// How long others have it. The loop looks at its sockets only when no task is due.
  private static let pause = TimeAmount.milliseconds(1)

  private init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  /// Plans a timer, which may be planned already, for another time.
  func set(_ timer: LoopTimer, at deadline: NIODeadline) {
    timers.remove(timer)
    timer.deadline = deadline
    timers.insert(timer)
    plan(deadline)
  }

  /// The timer fires no more. What the loop was asked for stays: it finds nothing to be due then.
  func remove(_ timer: LoopTimer) {
    timers.remove(timer)
    if timers.first == nil { forgetPlan() }
  }

  private func forgetPlan() {
    planned?.task.cancel()
    planned = nil
  }

  private func plan(_ deadline: NIODeadline) {
    if let planned, planned.at <= deadline { return }
    forgetPlan()
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.fire() }
    planned = (deadline, task)
  }

  private func fire() {
    planned = nil
    let now = eventLoop.now
    // Those that are due now, and none that becomes due with them.
    var due: [LoopTimer] = []
    while due.count < Self.timersPerGo, let timer = timers.popExpired(now: now) {
      due.append(timer)
    }
    // One that is planned anew by another's end has been brought in line with its owner.
    for timer in due where timer.time == nil { timer.fire(now: now) }
    guard let next = timers.first?.deadline else { return }
    plan(due.count == Self.timersPerGo ? max(next, now + Self.pause) : next)
  }

  // MARK: By loop

  /// The agendas of loops on which there are timers, and how many. An agenda keeps its loop, so no
  /// other can have its identity.
  private static let known = Mutex<[ObjectIdentifier: (agenda: LoopAgenda, timers: Int)]>([:])

  /// The agenda of a loop, for a timer that is made.
  static func join(_ eventLoop: any EventLoop) -> LoopAgenda {
    let id = ObjectIdentifier(eventLoop)
    return known.withLock { known in
      var entry = known[id] ?? (LoopAgenda(eventLoop), 0)
      entry.timers += 1
      known[id] = entry
      return entry.agenda
    }
  }

  /// A timer that was made is gone.
  func leave() {
    let id = ObjectIdentifier(eventLoop)
    Self.known.withLock { known in
      guard var entry = known[id] else { return assertionFailure("a timer leaves twice") }
      entry.timers -= 1
      known[id] = entry.timers == 0 ? nil : entry
    }
  }
}
