import GRPC
import NIOCore
import Testing

@testable import ProgressorServer

@Suite("An outage that several channels see")
struct SharedOutageTests {
  private func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

  private func began(_ since: Int64, waiting: Int = 1) -> ChannelOutage {
    .began(since: time(since), reason: "refused at \(since)", waiting: waiting)
  }

  private func ended(_ since: Int64, _ now: Int64, waited: Int = 1) -> ChannelOutage {
    .ended(since: time(since), now: time(now), waited: waited)
  }

  @Test("The first that misses the endpoint is news, and the last that reaches it again")
  func threeChannels() {
    var outage = SharedOutage()
    let told = [
      outage.take(began(5, waiting: 2), from: 1), outage.take(began(3), from: 2),
      outage.take(ended(5, 20, waited: 4), from: 1), outage.take(began(21), from: 3),
      outage.take(ended(3, 30, waited: 2), from: 2),
    ]
    #expect(told == [.began(reason: "refused at 5", waiting: 2), nil, nil, nil, nil])
    #expect(!outage.isOver)
    let last = outage.take(ended(21, 33, waited: 1), from: 3)
    #expect(last == .ended(after: .seconds(30), waited: 7))
    #expect(outage.isOver)
  }

  @Test("One channel alone hears what it always heard")
  func oneChannel() {
    var outage = SharedOutage()
    for begin in [Int64(10), 100] {
      let first = outage.take(began(begin), from: 1)
      let last = outage.take(ended(begin, begin + 7, waited: 3), from: 1)
      #expect(first == .began(reason: "refused at \(begin)", waiting: 1))
      #expect(last == .ended(after: .seconds(7), waited: 3))
    }
  }

  @Test("A channel that gives up does not keep the others from the end of the outage")
  func abandoned() {
    var outage = SharedOutage()
    _ = outage.take(began(1), from: 1)
    _ = outage.take(began(2), from: 2)
    let reached = outage.take(ended(1, 9, waited: 2), from: 1)
    let last = outage.take(.abandoned, from: 2)
    #expect(reached == nil)
    #expect(last == .ended(after: .seconds(8), waited: 2))
  }

  @Test("Of an outage whose end nobody has seen nothing is said, and the next one is another")
  func unseen() {
    var outage = SharedOutage()
    _ = outage.take(began(1), from: 1)
    let last = outage.take(.abandoned, from: 1)
    let strange = [outage.take(.abandoned, from: 1), outage.take(ended(1, 2), from: 1)]
    #expect(last == nil)
    #expect(outage.isOver)
    #expect(strange == [nil, nil])
    let next = outage.take(began(50), from: 2)
    #expect(next == .began(reason: "refused at 50", waiting: 1))
    let end = outage.take(ended(50, 51, waited: 1), from: 2)
    #expect(end == .ended(after: .seconds(1), waited: 1))
  }
}
