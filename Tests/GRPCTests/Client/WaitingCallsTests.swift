import NIOCore
import Testing

@testable import GRPC

@Suite struct WaitingCallsTests {
  private final class Call: DeadlineHolder, Queueable {
    let deadline: NIODeadline
    var heapIndex: Int?
    var isFinished = false

    init(_ seconds: UInt64) {
      deadline = .uptimeNanoseconds(seconds * 1_000_000_000)
    }

    var seconds: UInt64 { deadline.uptimeNanoseconds / 1_000_000_000 }
  }

  @Test("Deadlines expire in their order, whatever was taken out between", arguments: 1...20)
  func heap(seed: UInt64) {
    var state = seed
    func random(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    var heap = DeadlineHeap<Call>()
    var expected: [Call] = []
    for _ in 0..<200 {
      if random(3) == 0, !expected.isEmpty {
        let call = expected.remove(at: Int(random(UInt64(expected.count))))
        heap.remove(call)
        heap.remove(call)
        #expect(call.heapIndex == nil)
      } else {
        let call = Call(random(50))
        heap.insert(call)
        expected.append(call)
      }
    }
    #expect(heap.count == expected.count)
    var expired: [UInt64] = []
    while let call = heap.popExpired(now: .uptimeNanoseconds(25_000_000_000)) {
      expired.append(call.seconds)
    }
    #expect(expired == expected.map(\.seconds).filter { $0 <= 25 }.sorted())
    #expect(heap.first?.seconds == expected.map(\.seconds).filter { $0 > 25 }.min())
  }

  @Test("A queue is first in, first out, and refuses what exceeds its limit")
  func queue() {
    var queue = CallQueue<Call>(limit: 2)
    let calls = (0..<3).map { Call($0) }
    let accepted = calls.map { queue.append($0) }
    #expect(accepted == [true, true, false])
    queue.putBack(calls[2])
    let order = (0..<4).map { _ in queue.popFirst()?.seconds }
    #expect(order == [2, 0, 1, nil])
    #expect(queue.isEmpty)
  }

  @Test("A call that ended while it waited is passed over and counts no more")
  func finishedCalls() {
    var queue = CallQueue<Call>(limit: 2)
    let calls = (0..<3).map { Call($0) }
    _ = queue.append(calls[0])
    _ = queue.append(calls[1])
    calls[0].isFinished = true
    queue.noteFinished()
    #expect(queue.count == 1)
    let isAccepted = queue.append(calls[2])
    #expect(isAccepted)
    let order = (0..<3).map { _ in queue.popFirst()?.seconds }
    #expect(order == [1, 2, nil])
    #expect(queue.count == 0)
  }

  @Test("Calls that end behind a waiting one do not pile up")
  func compaction() {
    var queue = CallQueue<Call>(limit: 2)
    _ = queue.append(Call(0))
    for second in 0..<10_000 as Range<UInt64> {
      let call = Call(second)
      let isAccepted = queue.append(call)
      #expect(isAccepted)
      call.isFinished = true
      queue.noteFinished()
      #expect(queue.count == 1)
    }
    #expect(queue.storedCount < 200)
  }

  @Test("Selected calls are taken out in order, the others stay")
  func selection() {
    var queue = CallQueue<Call>(limit: 10)
    let calls = (0..<6).map { Call($0) }
    for call in calls { _ = queue.append(call) }
    calls[2].isFinished = true
    queue.noteFinished()
    let removed = queue.removeAll { $0.seconds % 2 == 0 }.map(\.seconds)
    #expect(removed == [0, 4])
    #expect(queue.count == 3)
    let order = (0..<3).map { _ in queue.popFirst()?.seconds }
    #expect(order == [1, 3, 5])
  }

  @Test(
    "Who waits for a connection in vain hears so a twentieth of its time before its end",
    arguments: [
      (30, 15), (400, 50), (1_000, 50), (3_000, 150), (10_000, 500), (3_600_000, 500), (0, 0),
    ])
  func notice(milliseconds: Int64, margin: Int64) {
    let begin = NIODeadline.uptimeNanoseconds(7)
    let expiry = begin + .milliseconds(milliseconds)
    let notice = UnaryCall.notice(begin: begin, expiry: expiry)
    #expect(expiry - notice == .milliseconds(margin))
    #expect(UnaryCall.notice(begin: expiry, expiry: begin) == begin)
    #expect(UnaryCall.notice(begin: begin, expiry: .distantFuture) == .distantFuture)
  }
}
