import NIOCore
import Testing

@testable import GRPC

@Suite struct KeepaliveStateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
  private let policy = KeepalivePolicy(interval: .seconds(10), timeout: .seconds(2))

  @Test("Without an interval there is no keepalive")
  func off() {
    #expect(KeepaliveState(KeepalivePolicy(interval: nil), now: start) == nil)
  }

  @Test("Silence during a call brings a PING, and no answer the end")
  func deadPeer() throws {
    var state = try #require(KeepaliveState(policy, now: start))
    let until = state.wake(now: start)
    #expect(until == start + .seconds(10))
    var action = state.check(now: start + .seconds(10), hasCalls: true)
    #expect(action == .ping(thenWaitUntil: start + .seconds(12)))
    action = state.check(now: start + .seconds(11), hasCalls: true)
    #expect(action == .wait(until: start + .seconds(12)))
    action = state.check(now: start + .seconds(12), hasCalls: true)
    #expect(action == .close)
  }

  @Test("Anything that arrives is as good as an answer")
  func livingPeer() throws {
    var state = try #require(KeepaliveState(policy, now: start))
    _ = state.wake(now: start)
    state.received(now: start + .seconds(4))
    var action = state.check(now: start + .seconds(10), hasCalls: true)
    #expect(action == .wait(until: start + .seconds(14)))
    action = state.check(now: start + .seconds(14), hasCalls: true)
    #expect(action == .ping(thenWaitUntil: start + .seconds(16)))
    state.received(now: start + .seconds(15))
    action = state.check(now: start + .seconds(16), hasCalls: true)
    #expect(action == .wait(until: start + .seconds(25)))
  }

  @Test("Without calls it rests, and the silence until the next call does not count")
  func resting() throws {
    var state = try #require(KeepaliveState(policy, now: start))
    #expect(state.isResting)
    _ = state.wake(now: start)
    let action = state.check(now: start + .seconds(10), hasCalls: false)
    #expect(action == .rest)
    var until = state.wake(now: start + .seconds(100))
    #expect(until == start + .seconds(110))
    until = state.wake(now: start + .seconds(101))
    #expect(until == nil)
  }

  @Test("A policy may watch connections without calls")
  func withoutCalls() throws {
    var policy = policy
    policy.withoutCalls = true
    var state = try #require(KeepaliveState(policy, now: start))
    _ = state.wake(now: start)
    let action = state.check(now: start + .seconds(10), hasCalls: false)
    #expect(action == .ping(thenWaitUntil: start + .seconds(12)))
  }
}
