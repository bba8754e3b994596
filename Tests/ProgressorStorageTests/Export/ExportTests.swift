import MachineModel
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Pages of an export")
  struct ExportTests {
    /// Machines that are found by their names.
    private func machines(_ count: Int, on test: TestStorage) async throws {
      for number in 0..<count {
        let id = MachineID(namespace: "orders", id: "m\(number)")
        let shard = ShardID(of: id, shards: 8).number
        var machine = TestMachine(id.id, shard: shard, key: Int64(number + 1))
        let outcome = try await test.commit(
          [machine.start(events: ["a"])], slot: Int(shard) % 2)
        try #require(outcome == .committed)
      }
    }

    private func query(
      bytes: Int64 = 1 << 20, from position: ExportPosition = .after(""),
      isOver: @escaping @Sendable () -> Bool = { false }
    ) -> ExportQuery {
      ExportQuery(
        namespace: "orders", ids: [], position: position, bytes: bytes, isOver: isOver)
    }

    @Test("A page that nobody waits for any more ends at its next look at the database")
    func cancelled() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      try await machines(20, on: test)
      for last in [1, 2, 5] {
        let looks = Mutex(0)
        let query = query {
          looks.withLock { looks in
            looks += 1
            return looks >= last
          }
        }
        await #expect(throws: ProgressorError.cancelled) {
          _ = try await test.storage.exportPage(query)
        }
        #expect(looks.withLock { $0 } == last)
      }
      // The connection is free for the next, and as good as before.
      let page = try await test.storage.exportPage(query())
      #expect(page.parts.count == 60 && page.next == nil)
    }

    @Test("A payload that is nearly a message has a page with nothing before it of its machine")
    func large() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let id = MachineID(namespace: "orders", id: "m")
      let shard = ShardID(of: id, shards: 8).number
      var machine = TestMachine("m", shard: shard)
      let long = String(repeating: "x", count: 5_000)
      machine.row.auxState = Content(data: Array(long.utf8))
      var record = machine.start(events: ["a", long, "b"])
      record.enqueued = [
        TestMachine.notification(1), TestMachine.notification(2, args: long),
        TestMachine.notification(3),
      ]
      #expect(try await test.commit([record], slot: Int(shard) % 2) == .committed)
      var pages: [[MachinePart]] = []
      var position: ExportPosition? = .after("")
      while let next = position {
        let page = try await test.storage.exportPage(query(bytes: 1_000, from: next))
        pages.append(page.parts)
        position = page.next
      }
      for page in pages {
        let sizes = page.flatMap(Self.payloads)
        if let place = sizes.firstIndex(of: 5_000) { #expect(place == 0, "\(sizes)") }
      }
      let parts = pages.flatMap { $0 }
      let events = parts.flatMap { part -> [Event] in
        if case .events(let events) = part { events } else { [] }
      }
      #expect(bodies(events) == ["a", long, "b"])
      let queue = parts.flatMap { part -> [PortableNotification] in
        if case .notifications(let all) = part { all } else { [] }
      }
      #expect(queue.map(\.args.count) == [4, 5_000, 4])
    }

    private static func payloads(_ part: MachinePart) -> [Int] {
      switch part {
      case .head(let head): [head.auxState?.data.count ?? 0]
      case .events(let events): events.map(\.body.data.count)
      case .notifications(let all): all.map(\.args.count)
      case .end: []
      }
    }
  }
}
