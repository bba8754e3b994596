import MachineModel
import ProgressorEngineTestKit
import Synchronization
import Testing

@testable import ProgressorEngine

/// An import whose caller hears something before anybody knows what became of it.
@Suite("Imports that are not over")
struct UnfinishedImportTests {
  /// What was charged for machines, and given back.
  private final class Budget: Sendable {
    private let given = Mutex(0)
    var isGivenBack: Bool { given.withLock { $0 } == 1 }

    func charge() -> Charge { Charge { self.given.withLock { $0 += 1 } } }
  }

  private func machine(_ budget: Budget) -> ImportedMachine {
    // Nothing of it runs by itself.
    let head = PortableMachine(
      id: "m", createdAt: World.beginning, pause: Pause(pausedAt: World.beginning, reason: "p"),
      lastEventID: 1, queuedNotifications: 1)
    let event = Event(id: 1, createdAt: World.beginning, body: Content(data: [7]))
    let notification = PortableNotification(acceptedAt: World.beginning, args: [8])
    return ImportedMachine(
      head: head, events: [event], notifications: [notification], charge: budget.charge())
  }

  /// A world that holds commits back, and an import whose commit is held.
  private func importing(
    _ budget: Budget, within deadline: Duration? = nil
  ) -> (World, RequestID) {
    let world = World()
    world.database.holdsCommits = true
    let request = world.ask(.importMachine(machine(budget)), "m", within: deadline)
    return (world, request)
  }

  private func lastEvent(_ world: World) -> Int64? {
    world.reply(to: .get(range: nil), "m")?.shownMachine?.lastEventID
  }

  @Test("what it takes is charged until its commit, also when its deadline passed before")
  func deadline() {
    let budget = Budget()
    let (world, request) = importing(budget, within: .seconds(1))
    world.now += .seconds(2)
    #expect(world.replies[request]?.error?.code == .deadlineExceeded)
    #expect(!budget.isGivenBack)
    world.processor.holds = true
    world.database.holdsCommits = false
    for batch in world.commits() { world.commit(batch) }
    #expect(budget.isGivenBack)
    // It is there: the deadline said nothing about that.
    #expect(lastEvent(world) == 1)
    #expect(world.inconsistency() == nil)
  }

  @Test("its charge outlives a client that goes away, and ends with a commit all the same")
  func cancelled() {
    let budget = Budget()
    let (world, request) = importing(budget)
    world.cancel(request)
    #expect(!budget.isGivenBack)
    world.database.holdsCommits = false
    for batch in world.commits() { world.commit(batch) }
    #expect(budget.isGivenBack && lastEvent(world) == 1)
    #expect(world.inconsistency() == nil)
  }

  @Test("one that is refused, or exists already, holds nothing")
  func refused() {
    let (world, budget) = (World(), Budget())
    world.start("m")
    let error = world.reply(to: .importMachine(machine(budget)), "m")?.error
    #expect(error?.reason == .machineAlreadyExists && budget.isGivenBack)
  }

  @Test("a node that loses the shard in the middle says UNAVAILABLE; the next owner knows the rest")
  func shardLost() {
    for isWritten in [true, false] {
      let budget = Budget()
      let (world, request) = importing(budget)
      var batches = world.commits()
      #expect(batches.count == 1)
      if isWritten { world.database.apply(batches[0]) }
      world.fence(batches[0])
      batches = []
      #expect(world.replies[request]?.error?.code == .unavailable)
      #expect(budget.isGivenBack)
      world.database.holdsCommits = false
      world.processor.holds = true
      world.restart(epoch: 2)
      #expect(lastEvent(world) == (isWritten ? 1 : nil))
      // Who repeats it is imported now, or hears that it was before; it is there once.
      let again = world.reply(to: .importMachine(machine(Budget())), "m")
      if isWritten {
        #expect(again?.error?.reason == .machineAlreadyExists)
      } else {
        #expect(again == .imported)
      }
      #expect(lastEvent(world) == 1)
      #expect(world.database.queue(of: MachineID(namespace: "n", id: "m")).count == 1)
      #expect(world.inconsistency() == nil)
    }
  }

  @Test("one that the database cannot write, but others, is given up and may come again")
  func overdue() {
    let budget = Budget()
    let (world, request) = importing(budget)
    var batches = world.commits()
    world.refuse(batches[0])
    batches = []
    #expect(world.replies[request]?.error?.reason == .storageUnavailable)
    #expect(budget.isGivenBack)
    world.database.holdsCommits = false
    world.processor.holds = true
    world.run(for: .seconds(60))
    #expect(lastEvent(world) == nil)
    #expect(world.reply(to: .importMachine(machine(Budget())), "m") == .imported)
    #expect(world.inconsistency() == nil)
  }

  @Test("a request is no larger for it: there are many, and few imports")
  func size() {
    #expect(MemoryLayout<Request>.size <= 192)
    #expect(MemoryLayout<ProgressorEngine.Operation>.size <= 80)
  }
}
