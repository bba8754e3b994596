import NIOCore
import Testing

@testable import GRPC

@Suite struct ConnectionBackoffTests {
  @Test("Waits grow by the multiplier up to the maximum")
  func growth() {
    var backoff = ConnectionBackoff(BackoffPolicy())
    let waits = (0..<14).map { _ in backoff.next(random: 0.5) }
    #expect(waits[0] == .seconds(1))
    #expect(waits[1] == .milliseconds(1600))
    #expect(waits[2] == .milliseconds(2560))
    #expect(waits[10] < .seconds(120))
    #expect(waits[11...].allSatisfy { $0 == .seconds(120) })
  }

  @Test("Jitter moves a wait by at most its part", arguments: [0, 0.25, 0.5, 0.999_999])
  func jitter(random: Double) {
    var backoff = ConnectionBackoff(BackoffPolicy(initial: .seconds(10)))
    let wait = backoff.next(random: random)
    #expect(wait >= .seconds(8) && wait <= .seconds(12))
    if random == 0 { #expect(wait == .seconds(8)) }
  }

  @Test("A success starts anew")
  func reset() {
    var backoff = ConnectionBackoff(BackoffPolicy())
    for _ in 0..<5 { _ = backoff.next(random: 0.5) }
    backoff.reset()
    let wait = backoff.next(random: 0.5)
    #expect(wait == .seconds(1))
  }

  @Test("Senseless policies give waits that are never negative")
  func senseless() {
    var backoff = ConnectionBackoff(
      BackoffPolicy(initial: .seconds(-1), multiplier: -3, maximum: .nanoseconds(.max), jitter: 9))
    for random in [0, 0.5, 0.99] {
      let wait = backoff.next(random: random)
      #expect(wait >= .zero)
    }
  }
}
