import MachineModel
import Testing

@testable import ProgressorEngine

/// Which engine of a node hears what.
@Suite struct CoreRouteTests {
  private func cores(_ input: Input, of cores: Int32 = 3) -> [Int32] {
    switch CoreRoute(input, cores: cores) {
    case .one(let core): [core.number]
    case .all: Array(0..<cores)
    case .parts(let parts): parts.map(\.core.number)
    }
  }

  @Test("an answer goes to the engine whose question it is")
  func answers() {
    var numbers = TaggedNumbers(of: CoreNumber(2))
    #expect(cores(.committed(BatchID(numbers.next()))) == [2])
    #expect(cores(.fenced(BatchID(numbers.next()))) == [2])
    #expect(cores(.loaded(LoadID(numbers.next()), .failure(.unavailable))) == [2])
    #expect(cores(.listed(RequestID(numbers.next()), .success(.counts([])))) == [2])
    #expect(cores(.cancelled(RequestID(numbers.next()))) == [2])
    let query = DueQuery(number: 1, part: ShardPart(CoreNumber(1), of: 3), spans: [])
    #expect(cores(.due(query, [])) == [1])
  }

  @Test("shards go to those who have them; of a loss each hears, also who has no part in it")
  func shards() {
    let grants = [0, 3, 4].map { ShardGrant(shard: ShardID($0), epoch: 1) }
    guard case .parts(let granted) = CoreRoute(.shardsAcquired(grants), cores: 3) else {
      Issue.record("shards are dealt out")
      return
    }
    #expect(granted.map(\.core.number) == [0, 1])
    guard case .shardsAcquired(let first) = granted[0].input else { return }
    #expect(first.map(\.shard.number) == [0, 3])
    #expect(cores(.shardsLost([ShardID(1)])) == [0, 1, 2])
  }

  @Test("the lease and the namespaces are everybody's")
  func everybody() {
    #expect(cores(.leaseRenewed(until: 1)) == [0, 1, 2])
    #expect(cores(.namespacesChanged([])) == [0, 1, 2])
  }

  @Test("every shard is one engine's, and every writer too", arguments: [1, 2, 3, 7] as [Int32])
  func parts(count: Int32) {
    let parts = (0..<count).map { ShardPart(CoreNumber($0), of: count) }
    for number in 0..<100 as Range<Int32> {
      let owners = parts.filter { $0.contains(ShardID(number)) }
      #expect(owners.map(\.core) == [ShardPart.core(of: ShardID(number), cores: count)])
    }
    let slots = parts.flatMap { part in (0..<2).map { part.slot(ofWriter: $0) } }
    #expect(slots.sorted() == Array(0..<Int(2 * count)))
  }
}
