import NIOCore
import NIOEmbedded
import Testing

@testable import GRPC

@Suite struct LoopTimerTests {
  /// Waits for several things; each is done when its time came.
  private final class Owner: TimeDriven {
    var times: [NIODeadline] = []
    var fired = 0
    var nextTime: NIODeadline? { times.min() }

    func timeCame(now: NIODeadline) {
      fired += 1
      if let first = times.min() { times.removeAll { $0 == first } }
    }
  }

  private let loop = EmbeddedEventLoop()

  private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

  @Test("It fires for each time in turn, without being set again")
  func turns() {
    let (owner, timer) = (Owner(), LoopTimer(on: loop))
    owner.times = [time(3), time(1), time(2)]
    timer.update(for: owner)
    for count in 1...3 {
      loop.advanceTime(by: .seconds(1))
      #expect(owner.fired == count)
    }
    #expect(timer.time == nil)
  }

  @Test("What becomes moot does not take the timer of what is still pending")
  func moot() {
    let (owner, timer) = (Owner(), LoopTimer(on: loop))
    owner.times = [time(1), time(5)]
    timer.update(for: owner)
    owner.times = [time(5)]
    timer.update(for: owner)
    #expect(timer.time.map { $0 <= time(5) } == true)
    loop.advanceTime(by: .seconds(5))
    #expect(owner.times.isEmpty)
  }

  @Test("A nearer time moves it forward, nothing to wait for lets go of it and of its owner")
  func moves() {
    let timer = LoopTimer(on: loop)
    weak var gone: Owner?
    do {
      let owner = Owner()
      gone = owner
      owner.times = [time(5)]
      timer.update(for: owner)
      owner.times.append(time(2))
      timer.update(for: owner)
      #expect(timer.time == time(2))
      owner.times = []
      timer.update(for: owner)
      #expect(timer.time == nil)
    }
    loop.advanceTime(by: .seconds(10))
    #expect(gone == nil)
  }
}
