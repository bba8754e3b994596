import MachineModel
import Testing

@testable import ProgressorEngine

/// Whose message is delivered next: namespaces of targets in turn, none with more under way than it
/// leaves free (I10, I11).
@Suite("Turns of deliveries")
struct DeliveryTurnsTests {
  private func pair(_ namespace: String, _ id: Int = 0) -> MessagePair {
    MessagePair(
      shard: ShardID(0), sender: MachineKey(1),
      target: MachineID(namespace: namespace, id: "\(id)"))
  }

  private func all(_ turns: inout DeliveryTurns) -> [MessagePair] {
    var taken: [MessagePair] = []
    while let pair = turns.next() { taken.append(pair) }
    #expect(turns.inconsistency == nil)
    return taken
  }

  @Test("Namespaces take turns, and each has its own in the order in which they came")
  func turns() {
    var turns = DeliveryTurns(maximum: 100, bytes: 1 << 20)
    for id in 0..<3 { turns.append(pair("a", id)) }
    turns.append(pair("b"))
    #expect(all(&turns) == [pair("a", 0), pair("b"), pair("a", 1), pair("a", 2)])
    #expect(!turns.hasTurns)
  }

  @Test("A namespace whose targets do not answer leaves half of the places to the others")
  func share() {
    var turns = DeliveryTurns(maximum: 8, bytes: 1 << 20)
    for id in 0..<100 { turns.append(pair("dead", id)) }
    #expect(all(&turns).count == 4)
    #expect(!turns.hasTurns)
    for id in 0..<100 {
      turns.append(pair("live", id))
      #expect(turns.hasTurns)
      #expect(all(&turns) == [pair("live", id)])
      turns.ended(pair("live", id))
    }
  }

  @Test("Who waits for a place gets it when somebody else has no more than it")
  func waiting() {
    var turns = DeliveryTurns(maximum: 4, bytes: 1 << 20)
    for id in 0..<10 {
      turns.append(pair("a", id))
      turns.append(pair("b", id))
    }
    #expect(all(&turns) == [pair("a", 0), pair("b", 0), pair("a", 1)])
    turns.ended(pair("a", 0))
    #expect(all(&turns) == [pair("b", 1)])
    turns.ended(pair("b", 0))
    #expect(all(&turns) == [pair("a", 2)])
  }

  @Test("What carries much takes the places of several, until it ends")
  func weight() {
    var turns = DeliveryTurns(maximum: 8, bytes: 8 << 10)
    for id in 0..<4 { turns.append(pair("large", id)) }
    let first = turns.next()
    turns.weigh(pair("large", 0), 3 << 10)
    #expect(first == pair("large", 0) && turns.inFlight == 4 && turns.underWay == 1)
    #expect(all(&turns).isEmpty, "it has as much as it leaves free")
    turns.append(pair("small"))
    #expect(all(&turns) == [pair("small")])
    turns.weigh(pair("small"), 100 << 10)
    #expect(turns.inFlight > 8 && !turns.hasTurns)
    turns.ended(pair("small"))
    turns.ended(pair("large", 0))
    #expect(turns.inFlight == 0)
    #expect(all(&turns) == [pair("large", 1), pair("large", 2), pair("large", 3)])
  }

  @Test("What is taken out has no turn, and keeps none from others", arguments: [0, 1, 2])
  func takenOut(_ index: Int) {
    var turns = DeliveryTurns(maximum: 2, bytes: 1 << 20)
    for name in ["x", "y"] { turns.append(pair(name)) }
    #expect(all(&turns).count == 2)
    let pairs = ["a", "b", "c"].map { pair($0) }
    for pair in pairs { turns.append(pair) }
    #expect(all(&turns).isEmpty)
    turns.remove(pairs[index])
    turns.ended(pair("x"))
    var taken: [MessagePair] = []
    while let next = turns.next() {
      taken.append(next)
      turns.ended(next)
    }
    #expect(taken == pairs.filter { $0 != pairs[index] })
    #expect(turns.inconsistency == nil)
  }

  @Test("What a delivery that ends costs does not grow with the namespaces that wait")
  func cost() {
    var turns = DeliveryTurns(maximum: 512, bytes: 1 << 20)
    for name in 0..<10_000 { turns.append(pair("\(name)")) }
    var flying = all(&turns)
    #expect(flying.count == 512)
    let visits = Visits.count {
      for _ in 0..<1_000 {
        turns.ended(flying.removeFirst())
        while let pair = turns.next() { flying.append(pair) }
      }
    }
    #expect(visits < 5_000)
  }
}
