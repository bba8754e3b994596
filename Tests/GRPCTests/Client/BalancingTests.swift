import NIOCore
import Testing

@testable import GRPC

@Suite struct BalancingTests {
  @Test("Candidates take turns, those that are not usable are passed over")
  func turns() {
    var roundRobin = RoundRobin()
    var picks = (0..<6).map { _ in roundRobin.pick(count: 3) { _ in true } }
    #expect(picks == [0, 1, 2, 0, 1, 2])
    picks = (0..<4).map { _ in roundRobin.pick(count: 3) { $0 != 1 } }
    #expect(picks == [0, 2, 0, 2])
  }

  @Test("Nothing usable is nil, and the number of candidates may change")
  func changes() {
    var roundRobin = RoundRobin()
    var pick = roundRobin.pick(count: 0) { _ in true }
    #expect(pick == nil)
    _ = roundRobin.pick(count: 5) { $0 == 4 }
    pick = roundRobin.pick(count: 2) { _ in true }
    #expect(pick == 0)
    pick = roundRobin.pick(count: 2) { _ in false }
    #expect(pick == nil)
  }

  @Test(
    "A channel's state is the best of its connections'",
    arguments: [
      ([], Connectivity.idle), ([.transientFailure, .ready], .ready),
      ([.transientFailure, .connecting], .connecting), ([.transientFailure, .idle], .idle),
      ([.transientFailure, .transientFailure], .transientFailure), ([.shutdown], .idle),
    ] as [([Connectivity], Connectivity)])
  func aggregate(states: [Connectivity], state: Connectivity) {
    #expect(Connectivity.aggregate(states) == state)
  }

  private func address(_ port: Int) throws -> SocketAddress {
    try SocketAddress(ipAddress: "127.0.0.1", port: port)
  }

  @Test("Every address has a connection, and there are at least as many as configured")
  func addresses() throws {
    let (a, b) = (try address(1), try address(2))
    #expect(AddressSet.change(from: [], to: [a, b, a], connections: 1).added == [a, b])
    #expect(AddressSet.change(from: [], to: [a, b], connections: 5).added == [a, a, a, b, b])
  }

  @Test("A look-up keeps the connections of addresses that stay")
  func reconciliation() throws {
    let (a, b, c) = (try address(1), try address(2), try address(3))
    let change = AddressSet.change(from: [a, b, a], to: [b, c], connections: 1)
    #expect(change == AddressSet.Change(removed: [0, 2], added: [c]))
    #expect(
      AddressSet.change(from: [a, b], to: [b, a], connections: 2) == AddressSet.Change())
  }

  @Test("Of a name with too many addresses chance chooses, and what works stays")
  func crowd() throws {
    let many = try (1...100).map(address)
    let choices = Set(
      (0..<100).map { number in
        Set(
          AddressSet.change(
            from: [], to: many, connections: 1, random: (Double(number) + 0.5) / 100
          ).added)
      })
    #expect(choices.count == 100 && choices.allSatisfy { $0.count == 64 })
    #expect(choices.reduce(into: Set()) { $0.formUnion($1) } == Set(many))
    // Look-ups come in any order, and the state of a connection counts.
    let existing = Array(many[36...])
    let hopeful = Set(existing.suffix(40))
    let change = AddressSet.change(
      from: existing, hopeful: hopeful, to: many.reversed(), connections: 1, random: 0.3)
    #expect(change.removed.allSatisfy { !hopeful.contains(existing[$0]) })
    #expect(change.removed.count == change.added.count && !change.added.isEmpty)
    #expect(
      AddressSet.change(
        from: existing, hopeful: Set(existing), to: many, connections: 1) == AddressSet.Change())
  }

  @Test("An empty answer changes nothing, a long one is cut")
  func extremes() throws {
    let a = try address(1)
    #expect(AddressSet.change(from: [a], to: [], connections: 1) == AddressSet.Change())
    let many = try (1...1000).map(address)
    #expect(AddressSet.change(from: [], to: many, connections: 1).added.count == 64)
    #expect(AddressSet.change(from: [], to: [a], connections: .max).added.count == 256)
  }
}
