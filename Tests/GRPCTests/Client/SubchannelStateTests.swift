import NIOCore
import Testing

@testable import GRPC

@Suite struct SubchannelStateTests {
  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

  private func new() -> SubchannelState {
    SubchannelState(BackoffPolicy(), connectTimeout: .seconds(20))
  }

  private func connecting() -> SubchannelState {
    var state = new()
    let attempt = state.connect(now: start, probing: nil)
    #expect(attempt == state.attempt)
    return state
  }

  private func ready() -> SubchannelState {
    var state = connecting()
    let isUsed = state.connected(state.attempt, now: start)
    #expect(isUsed)
    return state
  }

  /// Ends what is under way.
  private func end(_ state: inout SubchannelState, _ time: NIODeadline) {
    let isNews = state.ended(state.attempt, now: time, random: 0.5)
    #expect(isNews)
  }

  @Test("It is idle until a connection is wanted, then connecting, then ready")
  func life() {
    var state = new()
    #expect(state.connectivity == .idle)
    #expect(state.nextDeadline(probing: nil) == nil)
    let attempts = [
      state.connect(now: start, probing: nil), state.connect(now: start, probing: nil),
    ]
    #expect(attempts == [1, nil])
    #expect(state.connectivity == .connecting)
    #expect(state.nextDeadline(probing: nil) == start + .seconds(20))
    let isUsed = state.connected(1, now: start)
    #expect(isUsed)
    #expect(state.connectivity == .ready)
    #expect(state.nextDeadline(probing: nil) == nil)
  }

  @Test("A failed attempt waits from its start, and stays a failure until a connection works")
  func failure() {
    var state = connecting()
    end(&state, start + .milliseconds(300))
    #expect(state.nextDeadline(probing: nil) == start + .seconds(1))
    #expect(state.connectivity == .transientFailure)
    let early = state.connect(now: start + .milliseconds(999), probing: nil)
    #expect(early == nil)
    let second = state.connect(now: start + .seconds(1), probing: nil)
    #expect(second != nil)
    #expect(state.connectivity == .transientFailure)
    end(&state, start + .seconds(60))
    #expect(state.nextDeadline(probing: nil) == start + .seconds(60))
    _ = state.connect(now: start + .seconds(60), probing: nil)
    _ = state.connected(state.attempt, now: start + .seconds(61))
    #expect(state.connectivity == .ready)
  }

  @Test("An attempt that takes too long is given up, and its late news are dropped")
  func connectTimeout() {
    var state = connecting()
    let attempt = state.attempt
    let given = [
      state.giveUp(now: start + .seconds(19), random: 0.5),
      state.giveUp(now: start + .seconds(20), random: 0.5),
    ]
    #expect(given == [false, true])
    let isUsed = state.connected(attempt, now: start + .seconds(21))
    #expect(!isUsed)
    _ = state.connect(now: start + .seconds(22), probing: nil)
    let isNews = state.ended(attempt, now: start + .seconds(23), random: 0.5)
    #expect(!isNews)
    #expect(state.isConnecting)
  }

  @Test("While calls wait no wait is longer than the probe interval, counted from the last attempt")
  func probing() {
    var state = SubchannelState(
      BackoffPolicy(initial: .seconds(60)), connectTimeout: .seconds(20))
    _ = state.connect(now: start, probing: nil)
    end(&state, start + .seconds(2))
    #expect(state.nextDeadline(probing: nil) == start + .seconds(60))
    #expect(state.nextDeadline(probing: .seconds(1)) == start + .seconds(3))
    let attempts = [
      state.connect(now: start + .milliseconds(2999), probing: .seconds(1)),
      state.connect(now: start + .seconds(50), probing: .seconds(1)),
      state.connect(now: start + .seconds(50), probing: .seconds(1)),
    ]
    #expect(attempts.map { $0 != nil } == [false, true, false])
  }

  @Test("A connection that brought an answer, or lived for a while, is replaced at once")
  func goodConnection() {
    var proven = ready()
    proven.proved(proven.attempt)
    end(&proven, start)
    var old = ready()
    end(&old, start + .seconds(1))
    for var state in [proven, old] {
      #expect(state.connectivity == .idle)
      let attempt = state.connect(now: start + .seconds(1), probing: nil)
      #expect(attempt != nil)
      #expect(state.connectivity == .connecting)
    }
  }

  @Test("A connection that we renew was not useless, however young it is")
  func renewal() {
    var state = ready()
    for _ in 0..<5 {
      let isNews = state.ended(state.attempt, isRenewal: true, now: start, random: 0.5)
      #expect(isNews && state.connectivity == .idle)
      _ = state.connect(now: start, probing: nil)
      _ = state.connected(state.attempt, now: start)
    }
    // Nor is it of any use against those that are.
    end(&state, start)
    _ = state.connect(now: start, probing: nil)
    _ = state.connected(state.attempt, now: start)
    end(&state, start)
    #expect(state.connectivity == .transientFailure)
  }

  @Test("A peer that greets and hangs up does not keep us connecting without pause")
  func flapping() {
    var state = ready()
    var waits: [TimeAmount] = []
    var now = start
    end(&state, now)
    for _ in 0..<4 {
      _ = state.connect(now: now, probing: nil)
      _ = state.connected(state.attempt, now: now)
      end(&state, now)
      guard let until = state.nextDeadline(probing: nil) else {
        Issue.record("connects at once")
        return
      }
      waits.append(until - now)
      now = until
    }
    #expect(
      waits == [.seconds(1), .milliseconds(1600), .milliseconds(2560), .milliseconds(4096)])
  }

  @Test("Idleness forgets the failure, and the next connection is made without waiting")
  func idle() {
    var state = connecting()
    end(&state, start)
    state.becomeIdle()
    #expect(state.connectivity == .idle)
    let attempt = state.connect(now: start, probing: nil)
    #expect(attempt != nil)
  }

  /// Every input, by name.
  private static let inputs = [
    "connect", "connected", "proved", "ended", "late", "timeout", "idle",
  ]

  private func apply(_ input: String, to state: inout SubchannelState) {
    let now = start + .hours(1)
    switch input {
    case "connect": _ = state.connect(now: now, probing: nil)
    case "connected": _ = state.connected(state.attempt, now: now)
    case "proved": state.proved(state.attempt)
    case "ended": _ = state.ended(state.attempt, now: now, random: 0.5)
    case "late": _ = state.ended(state.attempt - 1, now: now, random: 0.5)
    case "timeout": _ = state.giveUp(now: now, random: 0.5)
    default: state.becomeIdle()
    }
  }

  @Test(
    "After any inputs it can go on: it is ready, asks to connect, or says when",
    arguments: inputs, inputs)
  func pairs(first: String, second: String) {
    for prefix in Self.inputs {
      var state = new()
      for input in [prefix, first, second] {
        apply(input, to: &state)
        var copy = state
        let goesOn =
          state.isReady || state.nextDeadline(probing: nil) != nil
          || copy.connect(now: start, probing: nil) != nil
        #expect(goesOn)
      }
    }
  }
}
