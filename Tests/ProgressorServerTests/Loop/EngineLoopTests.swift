import MachineModel
import NIOCore
import NIOPosix
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("The loop of the engine")
struct EngineLoopTests {
  private let fixture = EngineLoopFixture()

  @Test("inputs submitted before the start are handled first, in their order")
  func beforeStart() async throws {
    fixture.loop.submit(fixture.ownership)
    let reply = fixture.request(.get(range: nil), id: "a")
    try await fixture.start()
    let load = try await fixture.storage.next()
    guard case .load(let request) = load else {
      Issue.record("a Get of a machine that is not in memory loads it, not \(load)")
      return
    }
    #expect(request.machine == MachineID(namespace: "n", id: "a"))
    fixture.loop.submit(.loaded(request.id, .success(Loaded())))
    #expect(try await reply.value() == .error(.machineNotFound(request.machine)))
    try await fixture.stop()
  }

  @Test("what storage is asked of in one turn is handed over together, in order")
  func grouping() async throws {
    try await fixture.start()
    fixture.loop.submit(fixture.ownership)
    try await fixture.loop.eventLoop.submit {
      for id in ["a", "b", "c"] { _ = fixture.request(.get(range: nil), id: id) }
    }.get()
    let effects = try await fixture.storage.nextGroup(of: 3)
    let ids = effects.compactMap { effect -> String? in
      guard case .load(let request) = effect else { return nil }
      return request.machine.id
    }
    #expect(ids == ["a", "b", "c"])
    try await fixture.stop()
  }

  @Test("a cancelled request is answered, unheard, when the work that has begun for it is over")
  func cancelled() async throws {
    try await fixture.start()
    fixture.loop.submit(fixture.ownership)
    let first = fixture.request(.get(range: nil), id: "a")
    guard case .load(let request) = try await fixture.storage.next() else { return }
    fixture.loop.submit(.cancelled(first.id))
    try await fixture.loop.eventLoop.submit {}.get()
    #expect(first.isUnanswered, "rows are still read for it")
    fixture.loop.submit(.loaded(request.id, .success(Loaded())))
    #expect(try await first.value() == .error(.cancelled))
    try await fixture.stop()
  }

  @Test("a cancelled request for which nothing has begun is answered at once")
  func cancelledWaiting() async throws {
    try await fixture.start()
    fixture.loop.submit(fixture.ownership)
    _ = fixture.request(.call(args: [], range: nil, key: nil), id: "a")
    // Rows are read for the first; the second waits behind it.
    _ = try await fixture.storage.next()
    let waiting = fixture.request(.call(args: [], range: nil, key: nil), id: "a")
    fixture.loop.submit(.cancelled(waiting.id))
    #expect(try await waiting.value() == .error(.cancelled))
    try await fixture.stop()
  }

  @Test("a loop that stops answers everybody, and refuses who comes later")
  func stops() async throws {
    try await fixture.start()
    fixture.loop.submit(fixture.ownership)
    let waiting = fixture.request(.get(range: nil), id: "a")
    _ = try await fixture.storage.next()
    let loop = fixture.loop
    try await loop.eventLoop.submit { loop.stop() }.get()
    #expect(try await waiting.value() == .error(.notOwner))
    let late = ReplyProbe(id: RequestID(0), eventLoop: loop.eventLoop)
    #expect(!loop.submit(fixture.makeRequest(.resume, id: "a", loop), replyTo: late))
    try await fixture.stop()
  }

  @Test("more requests than the limit are refused, and nothing is sent to them")
  func bounded() async throws {
    let loop = EngineLoop(
      eventLoop: fixture.group.next(), maximumRequests: 2, clock: NodeClock())
    let target = ReplyProbe(id: RequestID(0), eventLoop: loop.eventLoop)
    let accepted = (0..<3).map { _ in
      loop.submit(fixture.makeRequest(.get(range: nil), id: "a", loop), replyTo: target)
    }
    #expect(accepted == [true, true, false])
    #expect(target.isUnanswered)
    try await fixture.stop()
  }

  @Test("a request's deadline passes without any other input: the loop wakes the engine")
  func wakes() async throws {
    try await fixture.start()
    fixture.loop.submit(fixture.ownership)
    let reply = fixture.request(.get(range: nil), id: "a", microseconds: 20_000)
    #expect(try await reply.value() == .error(.deadlineExceeded))
    try await fixture.stop()
  }

  @Test("each loss of shards is reported once, after its effects")
  func losses() async throws {
    try await fixture.start()
    fixture.loop.submit(fixture.ownership)
    let reply = fixture.request(.get(range: nil), id: "a")
    _ = try await fixture.storage.next()
    fixture.loop.submit([.shardsLost((0..<1_024).map { ShardID($0) }), .shardsLost([])])
    #expect(try await reply.value() == .error(.notOwner))
    try await fixture.loop.eventLoop.submit {}.get()
    #expect(fixture.storage.handledLosses == 2)
    try await fixture.stop()
  }
}
