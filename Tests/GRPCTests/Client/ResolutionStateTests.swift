import NIOCore
import Testing

@testable import GRPC

@Suite struct ResolutionStateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
  private var state = ResolutionState(backoff: BackoffPolicy(), minimumInterval: .seconds(5))

  @Test("The first request looks up at once, more during it change nothing")
  mutating func first() {
    var action = state.request(now: start)
    #expect(action == .resolve)
    action = state.request(now: start)
    #expect(action == .none)
  }

  @Test("The next look-up keeps its distance from the last")
  mutating func distance() {
    _ = state.request(now: start)
    state.succeeded()
    var action = state.request(now: start + .seconds(1))
    #expect(action == .wait(until: start + .seconds(5)))
    action = state.request(now: start + .seconds(2))
    #expect(action == .none)
    action = state.timeCame(now: start + .seconds(5))
    #expect(action == .resolve)
    state.succeeded()
    action = state.request(now: start + .seconds(10))
    #expect(action == .resolve)
  }

  @Test("A failed look-up is repeated with growing waits while addresses are needed")
  mutating func failure() {
    _ = state.request(now: start)
    var action = state.failed(now: start, random: 0.5, isNeeded: true)
    #expect(action == .wait(until: start + .seconds(1)))
    action = state.timeCame(now: start + .seconds(1))
    #expect(action == .resolve)
    action = state.failed(now: start + .seconds(1), random: 0.5, isNeeded: true)
    #expect(action == .wait(until: start + .milliseconds(2600)))
    _ = state.timeCame(now: start + .seconds(3))
    action = state.failed(now: start + .seconds(3), random: 0.5, isNeeded: false)
    #expect(action == .none)
  }

  @Test("A planned look-up can be called off")
  mutating func stop() {
    _ = state.request(now: start)
    _ = state.failed(now: start, random: 0.5, isNeeded: true)
    state.stop()
    let action = state.timeCame(now: start + .seconds(1))
    #expect(action == .none)
  }
}
