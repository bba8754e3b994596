import NIOCore

/// Something that knows from its state alone when it has to act next. Confined to an event loop.
protocol TimeDriven: AnyObject {
  /// When ``timeCame(now:)`` is due; nil when nothing is pending.
  var nextTime: NIODeadline? { get }

  /// Does what is due at `now`, which may be nothing.
  func timeCame(now: NIODeadline)
}

/// The one timer of something that is driven by time. Confined to the event loop.
///
/// It cannot be cancelled, only be brought in line with what its owner is waiting for: an input
/// that makes one thing moot cannot take away the timer of another. Call ``update(for:)`` in one
/// place after every input.
final class LoopTimer {
  private let eventLoop: any EventLoop
  private var planned: (at: NIODeadline, task: Scheduled<Void>)?

  init(on eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  /// When the timer fires; nil when it does not.
  var time: NIODeadline? { planned?.at }

  /// Sees to it that the timer fires no later than at the owner's next time. A timer that fires too
  /// early, once, costs less than one that is moved with every call, so it is only moved forward.
  /// The owner is retained as long as it waits for something.
  func update(for owner: some TimeDriven) {
    guard let time = owner.nextTime else {
      planned?.task.cancel()
      planned = nil
      return
    }
    if let planned, planned.at <= time { return }
    planned?.task.cancel()
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: time) {
      self.planned = nil
      owner.timeCame(now: self.eventLoop.now)
      self.update(for: owner)
    }
    planned = (time, task)
  }
}

extension NIODeadline {
  /// The earlier of two times, either of which may be missing.
  static func earliest(_ first: NIODeadline?, _ second: NIODeadline?) -> NIODeadline? {
    guard let first, let second else { return first ?? second }
    return min(first, second)
  }
}
