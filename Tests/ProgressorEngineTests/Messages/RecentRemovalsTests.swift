import MachineModel
import Testing

@testable import ProgressorEngine

/// A message that went along with its machine is not delivered (I14), though it was read before.
@Suite("Machines that were removed while messages were being read")
struct RecentRemovalsTests {
  private let target = MachineID(namespace: "n", id: "b")

  private func removal(of machine: Int64, after time: Int64?) -> CommitRecord {
    var record = CommitRecord(
      shard: ShardID(0), namespace: NamespaceNumber(1),
      machine: MachineID(namespace: "n", id: "a"), key: MachineKey(machine),
      row: .delete(expectedVersion: 1))
    record.forgotten = time.map { Timestamp(microseconds: $0) }
    return record
  }

  private func message(of machine: Int64, due: Int64) -> MessageRow {
    let time = Timestamp(microseconds: due)
    return MessageRow(
      ref: MessageRef(shard: ShardID(0), machine: MachineKey(machine), number: 1),
      namespace: NamespaceNumber(1), sender: MachineID(namespace: "n", id: "a"),
      pending: PendingMessage(
        number: 1, message: OutgoingMessage(target: target, kind: .notify(args: [])),
        createdAt: Timestamp(microseconds: 0), deliverAt: time, nextAttemptAt: time),
      context: CallerContext())
  }

  @Test("What an earlier load brings is gone if it was due later than the removal left it")
  func took() {
    var removals = RecentRemovals()
    removals.add(removal(of: 7, after: 100), number: 5)
    #expect(removals.took(message(of: 7, due: 101), from: LoadID(4)))
    #expect(!removals.took(message(of: 7, due: 100), from: LoadID(4)), "it stays")
    #expect(!removals.took(message(of: 7, due: 101), from: LoadID(6)), "it was read later")
    #expect(!removals.took(message(of: 8, due: 101), from: LoadID(4)), "it is another's")
  }

  @Test("A machine that took nothing along is nothing to remember")
  func nothing() {
    var removals = RecentRemovals()
    removals.add(removal(of: 7, after: nil), number: 5)
    #expect(removals.isEmpty)
  }

  @Test("Nothing is remembered for longer than loads are under way that began before")
  func forgotten() {
    var removals = RecentRemovals()
    for number in 0..<100 {
      removals.add(removal(of: Int64(number), after: 100), number: UInt64(2 * number))
    }
    removals.forget(before: LoadID(101))
    #expect(!removals.took(message(of: 50, due: 101), from: LoadID(1)))
    #expect(removals.took(message(of: 51, due: 101), from: LoadID(101)))
    removals.forget(before: nil)
    #expect(removals.isEmpty && !removals.took(message(of: 99, due: 101), from: LoadID(1)))
  }
}
