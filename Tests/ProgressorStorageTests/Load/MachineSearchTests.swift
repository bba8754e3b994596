import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Late and failed machines, counts and queues")
  struct MachineSearchTests {
    /// By the database's clock.
    private func now(_ connection: Connection) throws -> Timestamp {
      Timestamp(
        microseconds: try connection.scalar(
          "SELECT (extract(epoch FROM now()) * 1000000)::bigint", as: Int64.self))
    }

    private func timer(_ due: Timestamp) -> TimerRow {
      TimerRow(
        serial: 1, firesAt: due, historyRange: nil, processingTimeout: nil,
        context: CallerContext())
    }

    private func notification(_ sequence: Int64, at: Timestamp) -> QueuedNotification {
      var notification = TestMachine.notification(sequence)
      notification.acceptedAt = at
      return notification
    }

    /// A storage with machines in every state, some of them late.
    private func filled() async throws -> TestStorage {
      let test = try await TestStorage.owner()
      let now = try now(try test.connect())
      func ago(_ seconds: Int64) -> Timestamp { now.advanced(byMicroseconds: -seconds * 1_000_000) }
      var records: [CommitRecord] = []
      var pauses: [CommitRecord] = []
      func add(_ id: String, _ change: (inout TestMachine) -> [QueuedNotification] = { _ in [] }) {
        var machine = TestMachine(id, key: Int64(records.count) + 1)
        let queue = change(&machine)
        // None is paused from the start.
        let pause = machine.row.pause
        machine.row.pause = nil
        var record = machine.start()
        record.enqueued = queue
        records.append(record)
        guard let pause else { return }
        machine.row.pause = pause
        machine.row.version += 1
        pauses.append(machine.record(.pause(machine.row)))
      }
      func due(_ seconds: Int64) -> (inout TestMachine) -> [QueuedNotification] {
        { machine in
          machine.row.timer = timer(ago(seconds))
          machine.row.due = ago(seconds)
          return []
        }
      }
      add("idle")
      add("due just now", due(1))
      add("é", due(60))
      add("e\u{301}", due(15))
      add("zz", due(100_000))
      add("paused with a timer") {
        $0.row.timer = timer(ago(60))
        $0.row.pause = Pause(pausedAt: now, reason: "")
        return []
      }
      add("paused, timer to come") {
        $0.row.timer = timer(ago(-60))
        $0.row.pause = Pause(pausedAt: now, reason: "")
        return []
      }
      add("paused with a queue") {
        $0.row.pause = Pause(pausedAt: now, reason: "")
        return [notification(1, at: ago(60)), notification(2, at: ago(1))]
      }
      add("paused with a new queue") {
        $0.row.pause = Pause(pausedAt: now, reason: "")
        return [notification(1, at: ago(1))]
      }
      for (place, code) in [Int32(2), 13, 13, 0, 16].enumerated() {
        add("failed \(place)") {
          $0.row.timer = timer(ago(60))
          $0.row.failure = Failure(
            reason: "r", failedAt: ago(Int64(place) * 100), stepKind: .timeout, code: code,
            attempts: 1)
          if place == 2 { $0.row.pause = Pause(pausedAt: now, reason: "") }
          return []
        }
      }
      try #require(try await test.commit(records) == .committed)
      try #require(try await test.commit(pauses) == .committed)
      return test
    }

    private let late = ["e\u{301}", "paused with a queue", "paused with a timer", "zz", "é"]

    private func query(
      _ status: StatusFilter, prefix: String = "", size: Int32 = 100, after: String? = nil,
      since: Timestamp? = nil, code: Int32? = nil
    ) -> ListQuery {
      ListQuery(
        status: status, idPrefix: prefix, pageSize: size, after: after, failedSince: since,
        failedCode: code)
    }

    /// The ids of all pages, each of which is asked for where the one before ended.
    private func ids(
      _ query: ListQuery, _ page: (ListQuery) async throws -> MachinePage
    ) async throws -> (ids: [String], pages: Int) {
      var (query, ids, pages) = (query, [String](), 0)
      while pages < 100 {
        let found = try await page(query)
        #expect(found.machines.count <= Int(query.pageSize))
        ids += found.machines.map(\.machineID.id)
        pages += 1
        guard let reached = found.reached else { break }
        query.after = reached
      }
      return (ids, pages)
    }

    @Test(
      "late are those with something due for 10 s, held back by a pause or not",
      arguments: [1, 2, 100])
    func lateMachines(size: Int32) async throws {
      let test = try await filled()
      defer { test.storage.stop() }
      let found = try await ids(query(.late, size: size)) { try await test.page($0).get() }
      #expect(found.ids == late)
      let prefixed = try await ids(query(.late, prefix: "paused", size: size)) {
        try await test.page($0).get()
      }
      #expect(prefixed.ids == ["paused with a queue", "paused with a timer"])
    }

    @Test(
      "where too much is due, pages go by the ids of all machines, short and each once",
      arguments: [1, 2, 4])
    func walk(limit: Int32) async throws {
      let test = try await filled()
      defer { test.storage.stop() }
      let connection = try test.connect()
      let found = try await ids(query(.late)) { query in
        let (places, reached) = try MachineSearch(
          namespace: TestMachine.namespace, query: query, lastID: "\u{10FFFF}", limit: limit
        ).read(on: connection, timeout: .seconds(10))
        return MachinePage(
          machines: places.map {
            Machine(
              machineID: MachineID(namespace: "orders", id: $0.id), createdAt: .earliest)
          }, reached: reached)
      }
      #expect(found.ids == late)
      #expect(found.pages >= 14 / Int(limit))
    }

    @Test("failures are found by their code and time, page after page")
    func failures() async throws {
      let test = try await filled()
      defer { test.storage.stop() }
      let all = try await test.list(.failed).get()
      func find(_ query: ListQuery) async throws -> [String] {
        try await ids(query) { try await test.page($0).get() }.ids
      }
      #expect(try await find(query(.any, size: 1, code: 13)) == ["failed 1", "failed 2"])
      #expect(try await find(query(.failed, code: 0)) == ["failed 3"])
      #expect(try await find(query(.failed, code: 5)) == [])
      #expect(try await find(query(.paused, code: 13)) == ["failed 2"])
      for status in [StatusFilter.working, .retrying, .late] {
        #expect(try await find(query(status, code: 13)) == [])
      }
      guard case .failed(let third) = all[2].status else {
        Issue.record("it is failed")
        return
      }
      let since = third.failedAt
      #expect(
        try await find(query(.any, size: 2, since: since)) == ["failed 0", "failed 1", "failed 2"])
      #expect(try await find(query(.any, since: since, code: 2)) == ["failed 0"])
      #expect(try await find(query(.any, since: .earliest)).count == 5)
      #expect(try await find(query(.any, since: .latest)) == [])
    }

    @Test("each filter is counted")
    func counts() async throws {
      let test = try await filled()
      defer { test.storage.stop() }
      guard case .counts(let counts) = try await test.read(.counts(TestMachine.namespace)).get()
      else {
        Issue.record("a count is a count")
        return
      }
      #expect(counts.map(\.status) == [.any, .working, .retrying, .failed, .paused, .late])
      #expect(counts.map(\.count) == [14, 9, 0, 5, 5, 5])
      #expect(counts.allSatisfy { !$0.isCapped })
      let none = try await test.read(.counts(NamespaceNumber(99))).get()
      guard case .counts(let nothing) = none else { return }
      #expect(nothing.allSatisfy { $0.count == 0 })
    }

    @Test("what is counted to its bound says so")
    func capped() {
      func counts(_ all: Int64, failed: Int64 = 0, due: Int64 = 0, looked: Int64 = 0) -> [String] {
        MachineCounts.counts(
          of: MachineCounts.Found(
            all: all, failed: failed, retrying: 0, paused: 0, due: due, looked: looked, held: 0)
        ).map { "\($0.count)\($0.isCapped ? "+" : "")" }
      }
      #expect(counts(100_000) == ["100000", "100000", "0", "0", "0", "0"])
      #expect(counts(100_001)[0...1] == ["100000+", "100000+"])
      #expect(counts(150_000, failed: 149_999)[0...3] == ["100000+", "1", "0", "100000+"])
      #expect(counts(200_001, failed: 200_001)[1] == "0+")
      #expect(counts(0, due: 100_001)[5] == "100000+")
      #expect(counts(0, looked: 100_001)[5] == "0+")
    }

    private func queue(
      _ machine: TestMachine, _ test: TestStorage, after: Int64 = 0, size: Int32
    ) async throws -> NotificationPage? {
      let listing = Listing.notifications(
        machine.shard, machine.namespace, machine.machine,
        NotificationQuery(after: after, pageSize: size))
      guard case .notifications(let page) = try await test.read(listing).get() else { return nil }
      return page
    }

    @Test("a queue comes in the order of delivery, page after page, with how its head fares")
    func queues() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      #expect(try await queue(machine, test, size: 10) == nil)
      _ = try await test.commit([machine.start()])
      #expect(try await queue(machine, test, size: 10) == NotificationPage([], hasMore: false))
      let queued = (1...25).map { number in
        TestMachine.notification(Int64(number) * 10, retry: number == 1 ? TestMachine.retry : nil)
      }
      try #require(
        try await test.commit([machine.record(.requeue(due: nil), enqueued: queued)])
          == .committed)
      var (found, after, more) = ([PendingNotification](), Int64(0), true)
      while more {
        let page = try #require(try await queue(machine, test, after: after, size: 10))
        found += page.notifications
        after = page.sequences.last ?? 0
        more = page.hasMore
      }
      #expect(found == NotificationPage(queued, hasMore: false).notifications)
      #expect(found[0].attempt == 3 && found[0].lastMessage == "connect refused")
      #expect(try await queue(machine, test, after: .max, size: 10)?.notifications == [])
    }

    @Test("a page of a queue ends where it has enough bytes, and always has one")
    func bytes() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let large = String(repeating: "x", count: 5 << 20)
      for sequence in 1...3 as ClosedRange<Int64> {
        let one = TestMachine.notification(sequence, args: large)
        _ = try await test.commit([machine.record(.requeue(due: nil), enqueued: [one])])
      }
      let page = try #require(try await queue(machine, test, size: 10))
      #expect(page.sequences == [1] && page.hasMore)
      let last = try #require(try await queue(machine, test, after: 2, size: 10))
      #expect(last.sequences == [3] && !last.hasMore)
    }

    @Test("what is dropped is gone; only with the head goes the mark of its retry")
    func dropped() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      var machine = TestMachine("m")
      _ = try await test.commit([machine.start()])
      let queue = (1...3).map { TestMachine.notification($0) }
      _ = try await test.commit([machine.record(.requeue(due: nil), enqueued: queue)])
      func step(_ change: (inout CommitRecord) -> Void) async throws -> (Int32, Bool) {
        var record = machine.step()
        change(&record)
        #expect(try await test.commit([record]) == .committed)
        let connection = try test.connect()
        return (
          try connection.scalar("SELECT notification_count FROM machine"),
          try connection.scalar("SELECT notification_retrying FROM machine")
        )
      }
      var head = queue[0]
      head.retry = TestMachine.retry
      #expect(try await step { $0.rescheduled = head } == (3, true))
      let second = DroppedNotification(sequence: 2, isHead: false)
      #expect(try await step { $0.dropped = second } == (2, true))
      let first = DroppedNotification(sequence: 1, isHead: true)
      #expect(try await step { $0.dropped = first } == (1, false))
      let loaded = try await test.load(machine).get()
      #expect(loaded.notifications.map(\.sequence) == [3])
      var again = machine.step()
      again.dropped = first
      #expect(try await test.commit([again]) == .refused("PGF02"))
    }
  }
}
