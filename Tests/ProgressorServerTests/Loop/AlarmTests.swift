import NIOCore
import NIOEmbedded
import Testing

@testable import ProgressorServer

@Suite struct AlarmTests {
  private let loop = EmbeddedEventLoop()

  private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

  @Test("It rings once, at its time")
  func once() {
    var rung = 0
    let alarm = Alarm(on: loop) { rung += 1 }
    alarm.set(at: time(2))
    loop.advanceTime(to: time(1))
    #expect(rung == 0 && alarm.nextTime == time(2))
    loop.advanceTime(to: time(9))
    #expect(rung == 1 && alarm.nextTime == nil)
  }

  @Test("Another time takes the place of the first, sooner or later", arguments: [1, 5])
  func replaced(seconds: Int64) {
    var rung = 0
    let alarm = Alarm(on: loop) { rung += 1 }
    alarm.set(at: time(3))
    alarm.set(at: time(seconds))
    loop.advanceTime(to: time(seconds - 1))
    #expect(rung == 0)
    loop.advanceTime(to: time(seconds))
    #expect(rung == 1)
    loop.advanceTime(to: time(9))
    #expect(rung == 1)
  }

  @Test("Without a time it does not ring")
  func withdrawn() {
    var rung = 0
    let alarm = Alarm(on: loop) { rung += 1 }
    alarm.set(at: time(3))
    alarm.set(at: nil)
    loop.advanceTime(to: time(9))
    #expect(rung == 0)
  }

  @Test("What rings may set it again")
  func again() {
    var (rung, alarm): (Int, Alarm?) = (0, nil)
    let made = Alarm(on: loop) {
      rung += 1
      if rung < 3 { alarm?.set(at: .uptimeNanoseconds(0) + .seconds(Int64(rung) + 1)) }
    }
    alarm = made
    made.set(at: time(1))
    for count in 1...3 {
      loop.advanceTime(to: time(Int64(count)))
      #expect(rung == count)
    }
    loop.advanceTime(to: time(9))
    #expect(rung == 3)
    alarm = nil
  }
}
