import NIOCore
import NIOEmbedded
import Testing

@testable import GRPC

@Suite struct LoopAgendaTests {
  /// Waits for one time, and does something then.
  private final class Owner: TimeDriven {
    let timer: LoopTimer
    var nextTime: NIODeadline?
    var fired = 0
    var action: () -> Void = {}

    init(on loop: any EventLoop, at time: NIODeadline?) {
      timer = LoopTimer(on: loop)
      nextTime = time
      timer.update(for: self)
    }

    func wait(until time: NIODeadline?) {
      nextTime = time
      timer.update(for: self)
    }

    func timeCame(now: NIODeadline) {
      guard let nextTime, nextTime <= now else { return }
      self.nextTime = nil
      fired += 1
      action()
    }
  }

  private let loop = EmbeddedEventLoop()

  private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

  @Test("Timers fire in the order of their times, each once")
  func order() {
    var fired: [Int64] = []
    let owners = [Int64(3), 1, 4, 2].map { second in
      let owner = Owner(on: loop, at: time(second))
      owner.action = { fired.append(second) }
      return owner
    }
    loop.advanceTime(by: .seconds(10))
    #expect(fired == [1, 2, 3, 4])
    #expect(owners.allSatisfy { $0.fired == 1 && $0.timer.time == nil })
  }

  @Test("Of a crowd that is due together some fire, then others of the loop have their turn")
  func crowd() {
    let owners = (0..<200).map { _ in Owner(on: loop, at: time(1)) }
    loop.advanceTime(to: time(1))
    var counts = [owners.count { $0.fired == 1 }]
    while let last = counts.last, last < 200, counts.count < 10 {
      loop.advanceTime(by: .milliseconds(1))
      counts.append(owners.count { $0.fired == 1 })
    }
    #expect(counts == [64, 128, 192, 200])
  }

  @Test("A timer that another one's end moves or stops keeps to that")
  func others() {
    let first = Owner(on: loop, at: time(1))
    let (moved, stopped) = (Owner(on: loop, at: time(1)), Owner(on: loop, at: time(1)))
    first.action = {
      moved.wait(until: self.time(5))
      stopped.wait(until: nil)
    }
    loop.advanceTime(to: time(4))
    #expect((first.fired, moved.fired, stopped.fired) == (1, 0, 0))
    loop.advanceTime(to: time(5))
    #expect((moved.fired, stopped.fired) == (1, 0))
  }

  @Test("A timer that waits again for the past fires again, later")
  func past() {
    let owner = Owner(on: loop, at: time(1))
    owner.action = { if owner.fired < 3 { owner.nextTime = self.time(1) } }
    loop.advanceTime(to: time(2))
    #expect(owner.fired == 3)
  }

  @Test("Nothing is left of a loop on which no timer waits")
  func nothingLeft() {
    weak var gone: EmbeddedEventLoop?
    do {
      let other = EmbeddedEventLoop()
      gone = other
      let owner = Owner(on: other, at: time(1))
      owner.wait(until: nil)
    }
    #expect(gone == nil)
  }
}
