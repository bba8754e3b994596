package import NIOCore

/// Something that knows from its state alone when it has to act next. Confined to an event loop.
package protocol TimeDriven: AnyObject {
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
package final class LoopTimer {
  private let agenda: LoopAgenda
  /// What fires; nil when nothing is waited for.
  private var action: ((NIODeadline) -> Void)?
  var heapIndex: Int?
  /// When it fires, as long as it is planned.
  var deadline = NIODeadline.distantFuture

  package init(on eventLoop: any EventLoop) {
    agenda = LoopAgenda.join(eventLoop)
  }

  deinit { agenda.leave() }

  /// When the timer fires; nil when it does not.
  var time: NIODeadline? { heapIndex == nil ? nil : deadline }

  /// Sees to it that the timer fires no later than at the owner's next time. A timer that fires too
  /// early, once, costs less than one that is moved with every call, so it is only moved forward.
  /// The owner is retained as long as it waits for something.
  package func update(for owner: some TimeDriven) {
    guard let time = owner.nextTime else {
      agenda.remove(self)
      action = nil
      return
    }
    if let planned = self.time, planned <= time { return }
    action = { now in
      owner.timeCame(now: now)
      self.update(for: owner)
    }
    agenda.set(self, at: time)
  }

  /// Its time came.
  func fire(now: NIODeadline) {
    let action = action
    self.action = nil
    action?(now)
  }
}

extension LoopTimer: DeadlineHolder {}

extension NIODeadline {
  /// The earlier of two times, either of which may be missing.
  static func earliest(_ first: NIODeadline?, _ second: NIODeadline?) -> NIODeadline? {
    guard let first, let second else { return first ?? second }
    return min(first, second)
  }
}
