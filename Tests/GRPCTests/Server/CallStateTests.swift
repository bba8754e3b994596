import NIOCore
import Synchronization
import Testing

@testable import GRPC

@Suite("The state of a call")
struct CallStateTests {
  @Test("takes one answer")
  func oneAnswer() {
    var state = CallState()
    #expect(state.answer() != nil && state.answer() == nil && state.isOver)
  }

  @Test("hands the function for a cancellation out once, and not after the answer")
  func cancellation() {
    var state = CallState()
    let calls = Mutex(0)
    _ = state.onCancel { calls.withLock { $0 += 1 } }
    state.cancel().call?()
    state.cancel().call?()
    #expect(calls.withLock { $0 } == 1)
    let isRegistered = state.onCancel({}).register
    #expect(!isRegistered)

    var answered = CallState()
    _ = answered.onCancel {}
    _ = answered.answer()
    #expect(answered.cancel().call == nil && !answered.isCancelled)
  }

  @Test("tells a handler that it may go on only if it was refused before, and once")
  func writable() {
    var state = CallState()
    _ = state.onWritable {}
    state.buffered(10)
    #expect(state.sent(5, limit: 10, connectionHasRoom: true) == nil)
    state.buffered(10)
    let refused = state.isWritable(limit: 10, connectionHasRoom: true)
    #expect(!refused)
    #expect(state.sent(1, limit: 10, connectionHasRoom: true) == nil)
    #expect(state.sent(10, limit: 10, connectionHasRoom: false) == nil)
    #expect(state.sent(0, limit: 10, connectionHasRoom: true) != nil)
    #expect(state.sent(0, limit: 10, connectionHasRoom: true) == nil)
    _ = state.answer()
    let afterAnswer = state.isWritable(limit: 10, connectionHasRoom: true)
    #expect(!afterAnswer)
  }
}

@Suite("The deadlines of a connection")
struct DeadlineQueueTests {
  private func at(_ count: UInt64) -> NIODeadline { .uptimeNanoseconds(count) }

  @Test("come out in their order, when they have passed")
  func order() {
    var queue = DeadlineQueue()
    for (deadline, stream) in [(30, 1), (10, 3), (20, 5)] as [(UInt64, Int32)] {
      queue.insert(.init(deadline: at(deadline), stream: stream), openCalls: 3) { _ in true }
    }
    #expect(queue.next == at(10) && queue.popExpired(now: at(9)) == nil)
    #expect(queue.popExpired(now: at(25)) == 3 && queue.popExpired(now: at(25)) == 5)
    #expect(queue.popExpired(now: at(25)) == nil && queue.next == at(30))
  }

  @Test("of calls that are gone are swept out: the queue stays as small as the calls are few")
  func sweep() {
    var queue = DeadlineQueue()
    for stream in Int32(0)..<100_000 {
      queue.insert(.init(deadline: at(UInt64(stream)), stream: stream), openCalls: 5) {
        $0 > stream - 5
      }
      #expect(queue.count <= 2 * 5 + 64 + 1)
    }
  }
}
