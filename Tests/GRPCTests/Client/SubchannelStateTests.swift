import NIOCore
import Testing

@testable import GRPC

@Suite struct SubchannelStateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  private func connecting() -> SubchannelState {
    var state = SubchannelState(BackoffPolicy())
    let action = state.connect(now: start)
    #expect(action == .connect)
    return state
  }

  @Test("It is idle until a connection is wanted, then connecting, then ready")
  func life() {
    var state = SubchannelState(BackoffPolicy())
    #expect(state.connectivity == .idle)
    var action = state.connect(now: start)
    #expect(action == .connect)
    #expect(state.connectivity == .connecting)
    action = state.connect(now: start)
    #expect(action == .none)
    state.connected(now: start)
    #expect(state.connectivity == .ready)
  }

  @Test("A failed attempt waits from its start, and stays a failure until a connection works")
  func failure() {
    var state = connecting()
    var action = state.attemptFailed(now: start + .milliseconds(300), random: 0.5)
    #expect(action == .wait(until: start + .seconds(1)))
    #expect(state.connectivity == .transientFailure)
    action = state.backoffElapsed(now: start + .milliseconds(999))
    #expect(action == .none)
    action = state.backoffElapsed(now: start + .seconds(1))
    #expect(action == .connect)
    #expect(state.connectivity == .transientFailure)
    action = state.attemptFailed(now: start + .seconds(60), random: 0.5)
    #expect(action == .wait(until: start + .seconds(60)))
    _ = state.backoffElapsed(now: start + .seconds(60))
    state.connected(now: start + .seconds(61))
    #expect(state.connectivity == .ready)
  }

  @Test("A connection that brought an answer is replaced at once")
  func provedConnection() {
    var state = connecting()
    state.connected(now: start)
    state.proved()
    let action = state.connectionEnded(now: start, random: 0.5)
    #expect(action == .connect)
    #expect(state.connectivity == .connecting)
  }

  @Test("A connection that lived for a while is replaced at once")
  func oldConnection() {
    var state = connecting()
    state.connected(now: start)
    let action = state.connectionEnded(now: start + .seconds(1), random: 0.5)
    #expect(action == .connect)
  }

  @Test("A peer that greets and hangs up does not keep us connecting without pause")
  func flapping() {
    var state = connecting()
    var waits: [TimeAmount] = []
    var now = start
    state.connected(now: now)
    let action = state.connectionEnded(now: now, random: 0.5)
    #expect(action == .connect)
    for _ in 0..<4 {
      state.connected(now: now)
      guard case .wait(let until) = state.connectionEnded(now: now, random: 0.5) else {
        Issue.record("connects at once")
        return
      }
      waits.append(until - now)
      now = until
      _ = state.backoffElapsed(now: now)
    }
    #expect(
      waits == [.seconds(1), .milliseconds(1600), .milliseconds(2560), .milliseconds(4096)])
  }

  @Test("Idleness forgets the failure, and the next connection is made without waiting")
  func idle() {
    var state = connecting()
    _ = state.attemptFailed(now: start, random: 0.5)
    state.becomeIdle()
    #expect(state.connectivity == .idle)
    let action = state.connect(now: start)
    #expect(action == .connect)
  }

  /// Every input, by name.
  private static let inputs = [
    "connect", "connected", "proved", "failed", "ended", "elapsed", "idle", "shutdown",
  ]

  private func apply(_ input: String, to state: inout SubchannelState) -> SubchannelState.Action {
    let now = start + .hours(1)
    switch input {
    case "connect": return state.connect(now: now)
    case "connected": state.connected(now: now)
    case "proved": state.proved()
    case "failed": return state.attemptFailed(now: now, random: 0.5)
    case "ended": return state.connectionEnded(now: now, random: 0.5)
    case "elapsed": return state.backoffElapsed(now: now)
    case "idle": state.becomeIdle()
    default: state.shutDown()
    }
    return .none
  }

  @Test("Any two inputs in a row keep action and state consistent", arguments: inputs, inputs)
  func pairs(first: String, second: String) {
    for prefix in Self.inputs {
      var state = SubchannelState(BackoffPolicy())
      for input in [prefix, first, second] {
        let before = state.connectivity
        let action = apply(input, to: &state)
        switch action {
        case .connect: #expect([.connecting, .transientFailure].contains(state.connectivity))
        case .wait: #expect(state.connectivity == .transientFailure)
        case .none: break
        }
        if before == .shutdown {
          #expect(state.connectivity == .shutdown)
          #expect(action == .none)
        }
      }
    }
  }
}
