import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("Simulated storage: leases and reads")
struct ReadTests {
  private func machine(_ id: String, key: Int64, due: Int64?) -> StoredMachine {
    var row = TestMachine().row
    row.machine = MachineID(namespace: "n", id: id)
    row.key = MachineKey(key)
    row.due = due.map { Timestamp(microseconds: $0) }
    return StoredMachine(row: row)
  }

  private func storage(_ machines: StoredMachine...) -> TestStorage {
    var test = TestStorage()
    for machine in machines { test.storage.machines[machine.row.machine] = machine }
    return test
  }

  @Test("A look-ahead goes by time, shard and key, from behind a position up to a time")
  func lookAhead() {
    let test = storage(
      machine("a", key: 3, due: 20), machine("b", key: 2, due: 20), machine("c", key: 1, due: 30),
      machine("d", key: 4, due: nil), machine("e", key: 5, due: 10))
    func span(_ from: DueCut, until: Timestamp, limit: Int32 = 10) -> DueSpan {
      let row = TestMachine().row
      return DueSpan(
        namespace: row.namespace, name: "n", from: from, until: until, limit: limit)
    }
    func names(_ from: DueCut, limit: Int32 = 10) -> [String] {
      test.storage.due(
        span(from, until: Timestamp(microseconds: 25), limit: limit), of: test.node
      ).machines.map(\.machine.id)
    }
    #expect(names(.start) == ["e", "b", "a"])
    #expect(names(.start, limit: 1) == ["e"])
    let position = DuePosition(
      due: Timestamp(microseconds: 20), shard: ShardID(0), key: MachineKey(2))
    #expect(names(.after(position)) == ["a"])
    #expect(names(.before(position)) == ["b", "a"])
    #expect(
      test.storage.due(span(.start, until: .latest), of: test.node + 1).machines.isEmpty)
  }

  @Test("A list goes by the bytes of ids, and brings one machine more than its page")
  func list() {
    let test = storage(
      machine("b", key: 1, due: nil), machine("a", key: 2, due: nil),
      machine("é", key: 3, due: nil), machine("z", key: 4, due: nil))
    func names(_ query: ListQuery) -> [String] {
      test.storage.list(namespace: "n", query).map(\.machineID.id)
    }
    #expect(
      names(ListQuery(status: .any, idPrefix: "", pageSize: 10, after: nil))
        == ["a", "b", "z", "é"])
    #expect(
      names(ListQuery(status: .any, idPrefix: "", pageSize: 1, after: "a")) == ["b", "z"])
    #expect(names(ListQuery(status: .failed, idPrefix: "", pageSize: 9, after: nil)).isEmpty)
  }

  @Test("A node takes over only what a lease's end has freed, each time under a higher epoch")
  func takeover() {
    var leases = ShardLeases(shards: 2)
    let first = leases.register(until: 100)
    let claim1 = leases.claim(by: first, now: 0, limit: 9)
    #expect(claim1.map(\.epoch) == [1, 1])
    let second = leases.register(until: 300)
    let claim2 = leases.claim(by: second, now: 100, limit: 9)
    #expect(claim2.isEmpty)
    let isRenewed = leases.renew(first, until: 150)
    #expect(isRenewed)
    let claim3 = leases.claim(by: second, now: 101, limit: 9)
    #expect(claim3.isEmpty)
    let claim4 = leases.claim(by: second, now: 151, limit: 1)
    #expect(claim4.map(\.epoch) == [2])
    #expect(!leases.isRegistered(first))
    let isRenewedLate = leases.renew(first, until: 500)
    #expect(!isRenewedLate)
    leases.release([ShardID(0)], by: second)
    let claim5 = leases.claim(by: second, now: 160, limit: 9)
    #expect(claim5.map(\.epoch) == [3, 2])
  }
}
