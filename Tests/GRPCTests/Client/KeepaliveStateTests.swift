import NIOCore
import Testing

@testable import GRPC

@Suite struct KeepaliveStateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
  private let rare = KeepalivePolicy(interval: .seconds(10), timeout: .seconds(2))

  private func state(liveness: LivenessPolicy? = LivenessPolicy()) -> KeepaliveState {
    KeepaliveState(KeepalivePolicy(), liveness, now: start)
  }

  private func at(_ seconds: Double) -> NIODeadline {
    start + .nanoseconds(Int64(seconds * 1e9))
  }

  @Test("Without any policy nothing is ever due")
  func off() {
    var state = KeepaliveState(KeepalivePolicy(interval: nil), nil, now: start)
    state.callBegan(now: start)
    #expect(state.nextDeadline == nil)
  }

  @Test("Silence during a call brings a PING, and no answer the end, whether calls are open or not")
  func frozenPeer() {
    var state = state()
    state.callBegan(now: at(0))
    #expect(state.nextDeadline == at(5))
    #expect(state.timeCame(now: at(5)) == .ping)
    state.callEnded()
    #expect(state.nextDeadline == at(10))
    state.callBegan(now: at(8))
    #expect(state.nextDeadline == at(10))
    #expect(state.timeCame(now: at(9)) == .none)
    #expect(state.timeCame(now: at(10)) == .close)
  }

  @Test("A call that is given up before sends the PING at its end, if nothing came meanwhile")
  func shortCall() {
    var state = state()
    state.callBegan(now: at(0))
    #expect(state.callTimedOut(begin: at(0), now: at(1)) == .ping)
    state.callEnded()
    #expect(state.nextDeadline == at(6))
    #expect(state.timeCame(now: at(6)) == .close)
    // Whoever hears something has no reason to ask.
    state = self.state()
    state.callBegan(now: at(0))
    state.received(now: at(0.5))
    #expect(state.callTimedOut(begin: at(0), now: at(1)) == .none)
  }

  @Test("Suspicion asks at once, and new calls keep off until it is answered")
  func suspicion() {
    var state = state()
    state.callBegan(now: at(4))
    #expect(state.suspect(now: at(5)) == .ping)
    #expect(state.isAsking)
    #expect(state.suspect(now: at(6)) == .none)
    state.received(now: at(7))
    #expect(!state.isAsking)
    #expect(state.suspect(now: at(11)) == .none, "it said something a moment ago")
    #expect(state.suspect(now: at(12)) == .ping)
    #expect(state.timeCame(now: at(17)) == .close)
  }

  @Test("Suspicion without a call sends no PING: the connection is renewed")
  func suspicionWithoutCall() {
    var state = state()
    #expect(state.suspect(now: at(4)) == .none, "it said something a moment ago")
    #expect(state.suspect(now: at(5)) == .renew)
    #expect(state.nextDeadline == nil && !state.isAsking)
    state.callBegan(now: at(100))
    state.callEnded()
    #expect(state.suspect(now: at(100)) == .renew)
  }

  @Test("A peer is not judged by a PING that cannot leave, for a minute at most")
  func standstill() {
    var state = state()
    state.callBegan(now: at(0))
    state.setStandstill(true, now: at(2))
    #expect(state.timeCame(now: at(5)) == .ping)
    #expect(state.nextDeadline == at(62) && state.timeCame(now: at(30)) == .none)
    // What was in its way has left.
    state.setStandstill(false, now: at(40))
    #expect(state.nextDeadline == at(45))
    state.setStandstill(true, now: at(42))
    state.setStandstill(true, now: at(50))
    #expect(state.timeCame(now: at(101)) == .none)
    #expect(state.timeCame(now: at(102)) == .close)
  }

  @Test("Anything that arrives is as good as an answer, and silence counts from it")
  func livingPeer() {
    var state = state()
    state.callBegan(now: at(0))
    state.received(now: at(4))
    #expect(state.timeCame(now: at(5)) == .none)
    #expect(state.timeCame(now: at(9)) == .ping)
    state.received(now: at(9.5))
    #expect(state.timeCame(now: at(14)) == .none)
  }

  @Test("A slow peer is not asked again and again: a spare PING for a call, then none for minutes")
  func politeness() {
    var state = state()
    var pings: [Int] = []
    // One call after the other that is never answered; the peer acknowledges each PING.
    for second in 0..<1_000 {
      if second % 20 == 0 { state.callBegan(now: at(Double(second))) }
      if state.timeCame(now: at(Double(second))) == .ping {
        pings.append(second)
        state.received(now: at(Double(second)))
      }
      if second % 20 == 10 {
        let begin = at(Double(second - 10))
        if state.callTimedOut(begin: begin, now: at(Double(second))) == .ping {
          pings.append(second)
          state.received(now: at(Double(second)))
        }
        state.callEnded()
      }
    }
    #expect(pings.filter { $0 < 330 }.count == 3)
    #expect(zip(pings.dropFirst(2), pings.dropFirst(3)).allSatisfy { $1 - $0 >= 330 })
  }

  @Test("An answer makes the next PING free again")
  func answers() {
    var state = state(liveness: LivenessPolicy(sparePings: 0))
    for second in stride(from: 0.0, to: 100, by: 10) {
      state.callBegan(now: at(second))
      #expect(state.timeCame(now: at(second + 5)) == .ping)
      state.received(now: at(second + 6))
      state.receivedAnswer()
      state.callEnded()
    }
  }

  @Test("A check that comes much too late gives the answer a moment to be read")
  func stoodStill() {
    var state = state()
    state.callBegan(now: at(0))
    #expect(state.timeCame(now: at(5)) == .ping)
    #expect(state.timeCame(now: at(60)) == .none)
    #expect(state.nextDeadline == at(61))
    #expect(state.timeCame(now: at(61)) == .close)
  }

  @Test("Long silence during a call brings a PING by the keepalive policy alone, too")
  func keepalive() {
    var state = KeepaliveState(rare, nil, now: start)
    state.callBegan(now: at(0))
    state.received(now: at(4))
    #expect(state.timeCame(now: at(10)) == .none)
    #expect(state.timeCame(now: at(14)) == .ping)
    #expect(state.timeCame(now: at(15)) == .none)
    #expect(state.timeCame(now: at(16)) == .close)
  }

  @Test("Without calls it rests, and the silence until the next call does not count")
  func resting() {
    var state = KeepaliveState(rare, LivenessPolicy(), now: start)
    state.callBegan(now: at(0))
    state.callEnded()
    #expect(state.nextDeadline == nil)
    #expect(state.timeCame(now: at(50)) == .none)
    state.callBegan(now: at(100))
    #expect(state.nextDeadline == at(105))
  }

  @Test("A policy may watch connections without calls")
  func withoutCalls() {
    var policy = rare
    policy.withoutCalls = true
    var state = KeepaliveState(policy, nil, now: start)
    #expect(state.timeCame(now: at(10)) == .ping)
  }
}
