import GRPC
import NIOCore

/// A time at which something is done on an event loop, once; another time takes its place. Confined
/// to the loop, like all timers of which there are many it shares one task of the loop.
final class Alarm: TimeDriven {
  /// When it rings; nil = it does not.
  private(set) var nextTime: NIODeadline?
  private let timer: LoopTimer
  private let ring: () -> Void

  /// - Parameter ring: Is kept as long as the alarm or its next time.
  init(on eventLoop: any EventLoop, ring: @escaping () -> Void) {
    timer = LoopTimer(on: eventLoop)
    self.ring = ring
  }

  /// - Parameter time: nil = does not ring.
  func set(at time: NIODeadline?) {
    nextTime = time
    timer.update(for: self)
  }

  func timeCame(now: NIODeadline) {
    // A timer that fires for an earlier time, which is no more, is right to.
    guard let time = nextTime, time <= now else { return }
    nextTime = nil
    ring()
  }
}
