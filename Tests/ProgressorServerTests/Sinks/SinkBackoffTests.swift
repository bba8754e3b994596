import Testing

@testable import ProgressorServer

@Suite("How long a sink waits after a failure")
struct SinkBackoffTests {
  @Test("Twice as long each time, up to a minute, without end")
  func doubling() {
    var backoff = SinkBackoff()
    var pauses: [Duration] = []
    for _ in 0..<1_000 { pauses.append(backoff.next(asked: nil, random: 0)) }
    #expect(pauses.prefix(4) == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)])
    #expect(pauses.dropFirst(7).allSatisfy { $0 == .seconds(60) })
    backoff.reset()
    let afterSuccess = backoff.next(asked: nil, random: 0)
    #expect(afterSuccess == .milliseconds(500))
  }

  @Test("Not all sinks come at once")
  func spread() {
    var backoff = SinkBackoff()
    let shortest = backoff.next(asked: nil, random: 1)
    #expect(shortest == .milliseconds(400))
  }

  @Test("What the other side asks for counts if it is longer, up to a minute")
  func asked() {
    var backoff = SinkBackoff()
    let pauses = [Duration.seconds(7), .milliseconds(1), .seconds(3_600)].map {
      backoff.next(asked: $0, random: 0)
    }
    #expect(pauses == [.seconds(7), .seconds(1), .seconds(60)])
  }
}
