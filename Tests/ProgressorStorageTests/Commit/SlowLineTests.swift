import EmbeddedPostgreSQL
import MachineModel
import PostgreSQL
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  /// A machine that is imported may be larger than what the line to PostgreSQL carries within a
  /// lease.
  @Suite("A slow line to PostgreSQL")
  struct SlowLineTests {
    /// Nobody hears anything of a batch for half of it, and the lease is given up.
    private static let lease = Duration.seconds(3)

    /// A machine with so many events of half a MiB each.
    private static func large(_ count: Int) -> (TestMachine, CommitRecord) {
      var machine = TestMachine("m")
      let body = String(repeating: "x", count: 512 << 10)
      let record = machine.start(events: (0..<count).map { "\($0)" + body })
      return (machine, record)
    }

    private func owner(_ line: SlowLine, _ database: String) async throws -> TestStorage {
      let test = try TestStorage(database: line.database(database)) {
        $0.leaseDuration = Self.lease
      }
      try await test.grants()
      return test
    }

    @Test(
      "What takes longer than a lease to get there is written all the same, as long as it gets on",
      arguments: SlowLine.Kind.allCases)
    func getsOn(kind: SlowLine.Kind) async throws {
      let database = try await TemporaryServer.shared().createDatabase()
      let line = try SlowLine(to: database, kind, bytesPerSecond: 2 << 20)
      defer { line.close() }
      let test = try await owner(line, database)
      defer { test.storage.stop() }
      let (machine, record) = Self.large(20)
      let begun = ContinuousClock.now
      #expect(try await test.commit([record]) == .committed)
      #expect(ContinuousClock.now - begun > Self.lease)
      #expect(!test.inbox.rest.contains { if case .shardsLost = $0 { true } else { false } })
      let loaded = try await test.load(machine).get()
      #expect(loaded.row == machine.row)
      let connection = try test.connect()
      #expect(try connection.scalar("SELECT count(*) FROM event", as: Int64.self) == 20)
    }

    @Test(
      "A line that stands still in the middle of it ends the lease, however much had passed",
      arguments: SlowLine.Kind.allCases)
    func standsStill(kind: SlowLine.Kind) async throws {
      let database = try await TemporaryServer.shared().createDatabase()
      let line = try SlowLine(
        to: database, kind, bytesPerSecond: 2 << 20, stopsBehind: 4 << 20)
      defer { line.close() }
      let test = try await owner(line, database)
      defer { test.storage.stop(gracePeriod: .zero) }
      let (_, record) = Self.large(20)
      let id = test.submit([record])
      #expect(try await test.lost().count == 8)
      #expect(line.bytesPassed > 1 << 20)
      line.close()
      #expect(try await test.outcome(of: id) == .fenced)
    }
  }
}

@Suite("Statements of a batch")
struct StatementSizeTests {
  private func rows(_ sizes: [Int]) -> [Column<Event>.Row] {
    let machine = TestMachine("m")
    return sizes.enumerated().map { place, size in
      let body = Content(data: [UInt8](repeating: 1, count: size))
      return Column.Row(
        shard: machine.shard, namespace: machine.namespace, machine: machine.machine,
        key: machine.row.key,
        value: Event(id: Int64(place + 1), createdAt: TestMachine.start, body: body))
    }
  }

  private func counts(_ sizes: [Int]) -> [Int] {
    EventInserts.statements(of: rows(sizes)).map(\.count)
  }

  @Test("Events go in statements of a MiB at most, or of one that is larger, in their order")
  func pieces() {
    let half = 512 << 10
    #expect(counts([]) == [])
    #expect(counts([Int](repeating: 10, count: 5_000)) == [5_000])
    #expect(counts([half, half, half, half, 1]) == [2, 2, 1])
    #expect(counts([1, 8 << 20, 1, 8 << 20]) == [1, 1, 1, 1])
    let pieces = EventInserts.statements(of: rows([half, half, half]))
    #expect(pieces.flatMap { $0.map(\.value.id) } == [1, 2, 3])
  }
}
