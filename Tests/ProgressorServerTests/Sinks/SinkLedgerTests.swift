import Logging
import MachineModel
import ProgressorStorage
import Testing

@testable import ProgressorServer

@Suite("What is told of a sink")
struct SinkLedgerTests {
  private let log = LogProbe()
  private let ledger: SinkLedger

  init() { ledger = SinkLedger("hook", logger: log.logger) }

  private var isFailing: Bool { ledger.statistics.isFailing }

  @Test("It fails from a delivery that failed to one that did not; both are told once")
  func deliveries() async throws {
    ledger.succeeded()
    #expect(!isFailing)
    for _ in 0..<3 { ledger.failed("no", next: .seconds(1)) }
    #expect(isFailing && ledger.statistics.failures == 3)
    ledger.succeeded()
    ledger.succeeded()
    #expect(!isFailing)
    let lines = try await log.all()
    #expect(lines.map(\.message) == ["the sink cannot deliver", "the sink delivers again"])
  }

  @Test("That its consumer was reset is nothing; that another has it is told until it is not so")
  func interruptions() async throws {
    ledger.interrupted(.consumerReset("hook"))
    #expect(!isFailing)
    for _ in 0..<2 { ledger.interrupted(.consumerTaken("hook", by: "bob")) }
    #expect(isFailing)
    ledger.begun()
    #expect(!isFailing)
    let lines = try await log.all()
    #expect(lines.map(\.message) == ["the sink cannot deliver", "the sink goes on"])
  }

  @Test("A database that stays away is told of")
  func outage() {
    for _ in 0..<9 { ledger.interrupted(.storageUnavailable) }
    #expect(!isFailing)
    ledger.interrupted(.storageUnavailable)
    #expect(isFailing)
    ledger.begun()
    ledger.interrupted(.storageUnavailable)
    #expect(!isFailing)
  }

  @Test("A shard that a later version has to deliver is told of once, and keeps it failing")
  func held() async throws {
    for _ in 0..<2 { ledger.held(ShardID(3), at: 7, because: "an entry of kind 9") }
    ledger.succeeded()
    #expect(isFailing)
    ledger.begun()
    #expect(!isFailing)
    let lines = try await log.all()
    #expect(lines.count == 1 && lines.first?.metadata["shard"] == "3")
  }

  @Test("Where it does not run any more nothing fails")
  func ended() {
    ledger.failed("no", next: .seconds(1))
    ledger.troubled(.storageUnavailable)
    ledger.held(ShardID(0), at: 1, because: "an entry of kind 9")
    ledger.ended()
    #expect(!isFailing)
  }

  @Test("A line names the entries that are parked, the first ones of many")
  func parked() async throws {
    let entries = (1...30).map { sequence in
      FeedEntry(
        shard: ShardID(2), sequence: sequence, machine: MachineID(namespace: "n", id: "m"),
        note: FeedNote(.created, at: Timestamp(microseconds: 1)))
    }
    ledger.parked([])
    ledger.parked(entries.map { ($0, "too large") })
    #expect(ledger.statistics.parked == 30)
    let line = try await log.next()
    #expect(line.metadata["entries"] == "30" && line.metadata["machine"] == "m")
    #expect(line.metadata["numbers"]?.split(separator: " ").count == 20)
    #expect(line.metadata["numbers"]?.hasPrefix("2-1 2-2 ") == true)
  }
}
