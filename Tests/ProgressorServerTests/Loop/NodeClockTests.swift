import MachineModel
import NIOCore
import Testing

@testable import ProgressorServer

@Suite("Clocks of a node")
struct NodeClockTests {
  private let now = Moment(wall: Timestamp(microseconds: 0), uptime: 1_000_000)
  private let reference = NIODeadline.uptimeNanoseconds(5_000_000_000)

  @Test("a deadline of NIO's and an uptime are the same distance away")
  func conversion() {
    #expect(
      now.deadline(atUptime: 1_000_500, reference: reference) == reference + .microseconds(500))
    #expect(now.uptime(of: reference + .microseconds(500), reference: reference) == 1_000_500)
  }

  @Test("a part of a microsecond is rounded up: no deadline ends early")
  func rounding() {
    #expect(now.uptime(of: reference + .nanoseconds(1), reference: reference) == 1_000_001)
  }

  @Test("what has passed is now, what is too far is the distant future")
  func ends() {
    #expect(now.deadline(atUptime: 0, reference: reference) == reference)
    #expect(now.deadline(atUptime: .max, reference: reference) == .distantFuture)
    #expect(now.uptime(of: reference - .seconds(1), reference: reference) == now.uptime)
  }

  @Test("the time of day is that of the database")
  func offset() {
    let ahead = NodeClock(offset: { 3_600_000_000 }).now().wall
    let here = NodeClock().now().wall
    #expect((3_599_000_000...3_601_000_000).contains(ahead.microseconds - here.microseconds))
  }
}
