import MachineModel
import ProgressorEngine
import Testing

@testable import PostgreSQL
@testable import ProgressorStorage

@Suite("Lease state")
struct LeaseStateTests {
  private let inbox = Inbox()
  private let node = SQLUUID.random()

  private func facts(
    system: Int64 = 1, timeline: Int64 = 1, position: Int64 = 100, next: Int64 = 1_000
  ) -> ServerFacts {
    ServerFacts(
      version: 150_000, isInRecovery: false, fsync: true, fullPageWrites: true,
      dataSyncRetry: false, isPooled: false, systemIdentifier: system, timeline: timeline,
      flushedPosition: position, nextTransaction: next)
  }

  /// One that owns shard 3, of a database whose facts are known.
  private func held() -> LeaseState {
    let lease = LeaseState(deliver: inbox.deliver)
    _ = lease.observe(facts(), since: nil)
    lease.begin(node)
    lease.own(node, [ShardGrant(shard: ShardID(3), epoch: 1)])
    return lease
  }

  private var told: [String] {
    inbox.rest.map {
      switch $0 {
      case .shardsAcquired(let grants): "acquired \(grants.map(\.shard.number))"
      case .shardsLost(let shards): "lost \(shards.map(\.number))"
      case .leaseRenewed(let until): "renewed \(until)"
      default: "\($0)"
      }
    }
  }

  @Test("A lease tells each shard once, and its loss once")
  func once() {
    let lease = held()
    lease.own(
      node, [3, 4].map { ShardGrant(shard: ShardID($0), epoch: 1) })
    #expect(lease.end(node))
    #expect(!lease.end(node))
    #expect(told == ["acquired [3]", "acquired [4]", "lost [3, 4]"])
  }

  @Test("What is heard of an earlier lease changes nothing and tells nothing")
  func stale() {
    let lease = held()
    lease.end(node)
    lease.own(node, [ShardGrant(shard: ShardID(5), epoch: 1)])
    lease.renewed(node, until: 7)
    #expect(told == ["acquired [3]", "lost [3]"])
    #expect(lease.node == nil && lease.shardCount == 0)
  }

  @Test("After a loss no lease may begin until it is acknowledged; without shards there is none")
  func acknowledgement() {
    let lease = held()
    #expect(lease.mayBegin)
    lease.end(node)
    #expect(!lease.mayBegin)
    lease.acknowledgeLoss()
    #expect(lease.mayBegin)
    lease.begin(node)
    lease.end(node)
    #expect(lease.mayBegin)
  }

  @Test(
    "Another database, an earlier state or a promoted server ends the lease in that instant",
    arguments: [
      (system: 2, timeline: 1, position: 200), (system: 1, timeline: 1, position: 99),
      (system: 1, timeline: 2, position: 200),
    ] as [(system: Int64, timeline: Int64, position: Int64)])
  func broken(_ now: (system: Int64, timeline: Int64, position: Int64)) {
    let lease = held()
    let before = lease.lastFacts
    let seen = facts(system: now.system, timeline: now.timeline, position: now.position)
    #expect(lease.observe(seen, since: before) != .unbroken)
    #expect(told == ["acquired [3]", "lost [3]"])
    #expect(lease.observe(seen, since: lease.lastFacts) == .unbroken)
  }

  @Test("A promoted server without the last acknowledged transaction is one that went back")
  func missingTransaction() {
    for (next, isMissing) in [(1_020 as Int64, true), (1_021, false)] {
      let lease = held()
      lease.committed(transaction: 1_020, of: node)
      lease.committed(transaction: 1_010, of: node)
      let seen = facts(timeline: 2, position: 200, next: next)
      let continuity = lease.observe(seen, since: lease.lastFacts)
      #expect((continuity != .promoted) == isMissing, "\(continuity)")
      // The numbers of the new server are its own.
      let later = facts(timeline: 3, position: 300, next: next)
      #expect(lease.observe(later, since: lease.lastFacts) == .promoted)
    }
  }

  @Test("Over one misfit a lease is given up once: if the next meets it too, nobody does better")
  func misfit() {
    let lease = held()
    let second: Int64 = 1_000_000
    var now = LocalClock.uptime()
    #expect(lease.meetsMisfit(at: now, lease: 10 * second))
    #expect(lease.meetsMisfit(at: now + second, lease: 10 * second))
    now += 5 * second
    lease.giveUp(node, at: now)
    lease.acknowledgeLoss()
    #expect(!lease.mayBegin && lease.node == nil)
    // As long as it goes on, and a while longer.
    for _ in 0..<10 {
      now += 500 * second
      #expect(!lease.meetsMisfit(at: now, lease: 10 * second))
    }
    #expect(lease.meetsMisfit(at: now + 600 * second, lease: 10 * second))
    lease.misfitIsOver()
    #expect(lease.mayBegin)
  }

  @Test("A lease given up without a misfit, or lost in spite of one, leaves the next its try")
  func noMisfit() {
    let lease = held()
    let now = LocalClock.uptime()
    lease.giveUp(node, at: now)
    lease.acknowledgeLoss()
    #expect(lease.mayBegin)
    #expect(lease.meetsMisfit(at: now, lease: 1_000_000))
    lease.begin(node)
    lease.end(node)
    #expect(lease.meetsMisfit(at: now, lease: 1_000_000))
    lease.begin(node)
    lease.giveUp(node, at: now)
    #expect(!lease.meetsMisfit(at: now, lease: 1_000_000))
    // A batch that met it was written.
    lease.misfitIsOver()
    #expect(lease.meetsMisfit(at: now, lease: 1_000_000))
  }

  @Test("A look that began before a later one ended is no step back in time")
  func concurrentLooks() {
    let lease = held()
    let before = lease.lastFacts
    #expect(lease.observe(facts(position: 300), since: before) == .unbroken)
    #expect(lease.observe(facts(position: 200), since: before) == .unbroken)
    #expect(lease.lastFacts?.flushedPosition == 300)
    #expect(lease.holds(node))
  }
}
