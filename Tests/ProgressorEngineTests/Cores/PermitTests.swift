import MachineModel
import Testing

@testable import ProgressorEngine

/// A namespace's limits are its node's, whatever the number of cores: permits are neither lost nor
/// made, and nobody waits for one that somebody could spare.
@Suite struct PermitTests {
  @Test("a limit of one means one, and goes around") func onePermit() {
    var world = PermitWorld(limit: 1, cores: 3)
    for core in 0..<3 { world.arrive(at: core, 40) }
    var ended = [0, 0, 0]
    for _ in 0..<90 {
      world.settle()
      #expect(world.used == 1)
      guard let core = (0..<3).first(where: { world.used(by: $0) == 1 }) else { return }
      ended[core] += 1
      world.end(at: core)
    }
    #expect(ended == [30, 30, 30])
  }

  @Test("a core alone has them all") func loneCore() {
    var world = PermitWorld(limit: 1_000, cores: 4)
    world.arrive(at: 2, 5_000)
    world.settle()
    #expect(world.used(by: 2) == 1_000)
  }

  @Test("a core that needs some again has its share") func share() {
    var world = PermitWorld(limit: 1_000, cores: 4)
    world.arrive(at: 2, 50_000)
    world.settle()
    world.arrive(at: 0, 50_000)
    world.settle()
    for _ in 0..<2_000 {
      world.end(at: 2)
      world.settle()
    }
    #expect(world.used(by: 0) >= 250)
    #expect(world.used == 1_000)
  }

  @Test("cores that have enough say nothing") func silence() {
    var world = PermitWorld(limit: 1_000, cores: 4)
    world.settle()
    let before = world.messages
    for _ in 0..<20 {
      for core in 0..<4 { world.arrive(at: core, 200) }
      for core in 0..<4 { for _ in 0..<200 { world.end(at: core) } }
    }
    world.settle()
    #expect(world.messages == before)
  }

  @Test("what one core does not need, another one has, though a third one is busy")
  func spare() {
    var world = PermitWorld(limit: 3, cores: 3)
    world.settle()
    world.arrive(at: 0)
    world.arrive(at: 2, 2)
    world.settle()
    #expect(world.used(by: 0) == 1 && world.used(by: 2) == 2)
  }

  @Test("what may not be used any more goes back, though somebody could use it")
  func owed() {
    var share = PermitShare()
    share.lent(2, fairShare: 0)
    #expect(share.limit == 2)
    #expect(share.takeReturnable(used: 1, waiting: 4, keepsUnused: true) == 0)
    share.recalled(2, fairShare: 0)
    #expect(share.takeReturnable(used: 1, waiting: 4, keepsUnused: true) == 1)
    #expect(share.limit == 0, "nothing begins in place of what runs")
    #expect(share.takeReturnable(used: 0, waiting: 4, keepsUnused: true) == 1)
  }

  @Test("who wanted some before its home was there wants them again")
  func greeting() {
    var share = PermitShare()
    #expect(share.takeWish(30) == 30)
    #expect(share.takeWish(29) == nil)
    var pool = PermitPool(cores: 2)
    for case .lend(let core, let number) in pool.begin(limit: 4) where core == CoreNumber(1) {
      share.lent(number, fairShare: 2)
    }
    #expect(share.held == 2)
    #expect(share.takeWish(28) == 28)
  }

  @Test("random worlds: no more run than may, and all that wait have their turn", arguments: 1...60)
  func random(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let cores = Int.random(in: 2...5, using: &random)
    var limit = [1, 2, 3, 7, 50][Int.random(in: 0..<5, using: &random)]
    var world = PermitWorld(limit: limit, cores: cores)
    /// The highest limit since so many ran.
    var bound = limit
    for _ in 0..<2_000 {
      let core = Int.random(in: 0..<cores, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<5: world.arrive(at: core, Int.random(in: 1...4, using: &random))
      case 5..<9: if world.used(by: core) > 0 { world.end(at: core) }
      case 9: if world.waiting(at: core) > 0 { world.giveUp(at: core) }
      case 10:
        guard Int.random(in: 0..<20, using: &random) == 0 else { continue }
        limit = Int.random(in: 0...20, using: &random)
        bound = max(bound, limit)
        world.change(limit: limit)
      default: world.deliver(toHome: Bool.random(using: &random), of: core)
      }
      #expect(world.isBalanced)
      #expect(world.used <= bound)
      if world.isStill, world.used <= limit { bound = limit }
    }
    if limit == 0 { world.change(limit: 1) }
    limit = max(1, limit)
    finish(&world, limit: limit, cores: cores)
  }

  /// Nothing comes any more: what waits runs, and no permit lies idle meanwhile.
  private func finish(_ world: inout PermitWorld, limit: Int, cores: Int) {
    for _ in 0..<10_000 {
      world.settle()
      #expect(world.isStill && world.isBalanced)
      if world.used == 0 { break }
      if world.waiting > 0 { #expect(world.used >= limit) }
      guard let core = (0..<cores).first(where: { world.used(by: $0) > 0 }) else { break }
      world.end(at: core)
    }
    #expect(world.waiting == 0)
  }
}
