import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Waiting for a machine to change")
struct WaitTests {
  private typealias Asked = ProgressorEngine.Operation

  private static let newest = HistoryRange(limit: 10)

  /// A machine with one event.
  private func world(_ configure: (inout EngineConfiguration) -> Void = { _ in }) -> World {
    let world = World(configure: configure)
    world.processor.answers(.event())
    world.start("m")
    return world
  }

  private func wait(
    _ world: World, _ condition: WaitCondition, _ id: String = "m", within: Duration? = nil
  ) -> RequestID {
    world.ask(.get(range: Self.newest, wait: condition), id, within: within)
  }

  private func shown(_ world: World, _ id: RequestID) -> Machine? {
    world.replies[id]?.shownMachine
  }

  @Test("What is so already is answered at once")
  func atOnce() {
    let world = world()
    #expect(shown(world, wait(world, .afterEvent(0)))?.history.map(\.id) == [1])
    #expect(world.statistics().waits == 0)
    world.ask(.pause(reason: ""), "m")
    #expect(shown(world, wait(world, .notWorking))?.pause != nil)
  }

  @Test("An event that is waited for is shown when it is committed, and never before (I2, I15)")
  func event() {
    let world = world()
    let second = wait(world, .afterEvent(1))
    let third = wait(world, .afterEvent(2))
    world.database.holdsCommits = true
    world.call("m")
    #expect(world.replies[second] == nil && world.statistics().waits == 2)
    world.release()
    #expect(shown(world, second)?.history.map(\.id) == [1, 2])
    #expect(world.replies[third] == nil && world.inconsistency() == nil)
    world.call("m")
    #expect(shown(world, third)?.lastEventID == 3)
    #expect(world.statistics().waits == 0 && world.inconsistency() == nil)
  }

  @Test("A machine that fails or is paused works no more; a namespace's pause does not count")
  func notWorking() {
    let world = world()
    let (failed, paused) = (wait(world, .notWorking), wait(world, .notWorking))
    world.call("m")
    world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: "")
    #expect(world.replies[failed] == nil)
    world.namespaces[0].pause = nil
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.call("m")
    #expect(shown(world, failed)?.status.isFailed == true && shown(world, paused) != nil)
    world.ask(.simpleRepair, "m")
    let next = wait(world, .notWorking)
    world.ask(.pause(reason: "why"), "m")
    #expect(shown(world, next)?.pause?.reason == "why")
  }

  @Test("A machine that goes is MACHINE_NOT_FOUND for all who wait; so is one that is not there")
  func gone() {
    let world = world()
    let waits = [
      wait(world, .afterEvent(9)), wait(world, .afterEvent(8)), wait(world, .notWorking),
    ]
    world.database.holdsLoads = true
    world.remove("m")
    // Nobody is shown another machine of the name.
    world.start("m")
    world.database.holdsLoads = false
    world.release()
    #expect(waits.allSatisfy { world.replies[$0]?.error?.reason == .machineNotFound })
    world.remove("m")
    for id in waits + [wait(world, .afterEvent(0)), wait(world, .notWorking)] {
      #expect(world.replies[id]?.error?.reason == .machineNotFound)
    }
    #expect(world.inconsistency() == nil)
  }

  @Test("50 ms before the deadline, or after a minute, the machine is shown as it is")
  func timeIsOver() {
    let world = world()
    let short = wait(world, .afterEvent(1), within: .seconds(3))
    let long = wait(world, .afterEvent(1), within: .seconds(100))
    let endless = wait(world, .afterEvent(1))
    let late = wait(world, .afterEvent(1), within: .milliseconds(50))
    #expect(shown(world, late)?.lastEventID == 1)
    world.run(for: .milliseconds(2_949))
    #expect(world.replies[short] == nil)
    world.run(for: .milliseconds(1))
    #expect(shown(world, short)?.lastEventID == 1)
    world.run(for: .milliseconds(57_049))
    #expect(world.replies[long] == nil && world.replies[endless] == nil)
    world.run(for: .milliseconds(1))
    #expect(shown(world, long)?.lastEventID == 1 && shown(world, endless)?.lastEventID == 1)
  }

  @Test("Whoever waits keeps no machine in memory, and hears of it all the same")
  func evicted() {
    let world = world { $0.residentBytes = 0 }
    let event = wait(world, .afterEvent(1))
    #expect(world.statistics().machines == 0 && world.statistics().waits == 1)
    world.call("m")
    #expect(shown(world, event)?.history.map(\.id) == [1, 2])
    let time = wait(world, .afterEvent(2), within: .seconds(1))
    world.run(for: .seconds(1))
    #expect(shown(world, time)?.lastEventID == 2)
  }

  @Test("What is committed while the machine is read for it is not missed")
  func readMeanwhile() {
    let world = world { $0.historyWindowBytes = 0 }
    world.database.holdsLoads = true
    let event = wait(world, .afterEvent(1))
    let old = world.loads()
    world.call("m")
    for load in world.loads() { world.load(load) }
    #expect(world.replies[event] == nil)
    for load in old { world.load(load) }
    world.release()
    #expect(shown(world, event)?.history.map(\.id) == [1, 2])
    #expect(world.inconsistency() == nil)
  }

  @Test("Of too many the last is refused, and a cancelled one makes room")
  func limit() {
    let world = world { $0.maximumWaits = 2 }
    let first = wait(world, .afterEvent(1))
    _ = wait(world, .notWorking)
    #expect(world.replies[wait(world, .notWorking)]?.error?.reason == .overloaded)
    #expect(shown(world, wait(world, .afterEvent(0))) != nil)
    world.cancel(first)
    #expect(world.replies[first]?.error?.code == .cancelled)
    #expect(world.replies[wait(world, .notWorking)] == nil)
    #expect(world.statistics().counts.waitsRefused == 1 && world.inconsistency() == nil)
  }

  @Test("With its shard, or its lease, every wait ends: another node may change the machine")
  func lost() {
    let world = world()
    let first = wait(world, .afterEvent(1))
    world.play([.shardsLost(world.shards)])
    #expect(world.replies[first]?.error?.reason == .notOwner)
    #expect(world.replies[first]?.error?.metadata["happened"] == "nothing")

    let trusting = World(begins: false)
    trusting.play([
      .namespacesChanged([NamespaceRecord(number: NamespaceNumber(1), namespace: .named("n"))]),
      .leaseRenewed(until: 5_000_000), .shardsAcquired(trusting.grants(1)),
    ])
    trusting.start("m")
    let second = wait(trusting, .afterEvent(1))
    trusting.run(for: .seconds(4))
    #expect(trusting.replies[second] == nil)
    trusting.run(for: .seconds(1))
    #expect(trusting.replies[second]?.error?.reason == .notOwner)
    #expect(trusting.inconsistency() == nil)
  }

  @Test("Who goes away while the machine is read for it, or its outcome awaited, waits no more")
  func cancelledReading() {
    let world = world { $0.residentBytes = 0 }
    world.database.holdsLoads = true
    let reading = wait(world, .afterEvent(1))
    world.cancel(reading)
    world.database.holdsLoads = false
    world.release()
    #expect(world.replies[reading]?.error?.code == .cancelled)
    #expect(world.statistics().waits == 0 && world.inconsistency() == nil)
  }

  @Test("Of a machine that fails and cannot be read a change is waited for, not an event")
  func damaged() {
    let world = world { $0.residentBytes = 0 }
    let failure = Failure(
      reason: "torn", failedAt: world.now.wall, stepKind: .call, code: 15, attempts: 1)
    var row = world.database.rows[MachineID(namespace: "n", id: "m")]
    row?.failure = failure
    world.database.finds = { _ in Loaded(row: row, damage: "torn") }
    let first = world.ask(
      .watch(WatchQuery(after: 0, limit: 10, since: nil, patience: 20_000_000)), "m")
    guard case .watched(let machine, let mark)? = world.replies[first] else {
      Issue.record("it is not shown")
      return
    }
    #expect(machine.status.isFailed && machine.history.isEmpty)
    let next = world.ask(
      .watch(WatchQuery(after: 0, limit: 10, since: mark, patience: 20_000_000)), "m")
    let event = wait(world, .afterEvent(1))
    #expect(world.replies[next] == nil && world.replies[event] == nil)
    #expect(shown(world, wait(world, .notWorking)) != nil)
    world.run(for: .seconds(20))
    #expect(world.replies[next] != nil)
  }

  @Test("Memory that was wrong is let go of, and whoever waits is asked once more")
  func forgotten() {
    let world = world()
    let event = wait(world, .afterEvent(1))
    world.database.holdsCommits = true
    world.call("m")
    for batch in world.commits() {
      world.database.apply(batch)
      world.play([.fenced(batch.id), .leaseRenewed(until: .max)])
    }
    #expect(world.replies[event]?.error?.reason == .notOwner)
    let next = wait(world, .afterEvent(2))
    world.notify("m")
    for batch in world.commits() { world.refuse(batch, .conflict) }
    #expect(world.replies[next] == nil && world.statistics().waits == 1)
    world.release()
    world.call("m")
    #expect(shown(world, next)?.lastEventID == 3 && world.inconsistency() == nil)
  }

  @Test("Who asks for events that do not come is shown none, and hears of no error")
  func clipped() {
    let world = world()
    let range = HistoryRange(after: 7)
    let wait = world.ask(
      .get(range: range, wait: .afterEvent(7)), "m", within: .seconds(1))
    world.run(for: .seconds(1))
    #expect(shown(world, wait)?.history.isEmpty == true)
    #expect(world.reply(to: .get(range: range), "m")?.error?.reason == .eventNotFound)
  }

  @Test("A change costs as much as the waits that it ends, however many there are")
  func cost() {
    let world = world()
    for _ in 0..<5_000 { _ = wait(world, .afterEvent(1_000)) }
    for _ in 0..<5_000 { _ = wait(world, .notWorking) }
    let visits = Visits.count { world.call("m") }
    #expect(visits < 100)
    #expect(world.statistics().waits == 10_000 && world.inconsistency() == nil)
  }

  @Test("Neither a damaged machine nor one that cannot be read is waited for")
  func unreadable() {
    let world = world { $0.residentBytes = 0 }
    world.database.holdsLoads = true
    let broken = wait(world, .afterEvent(1))
    for load in world.loads() { world.play([.loaded(load.id, .failure(.unreadable("torn")))]) }
    #expect(world.replies[broken]?.error?.reason == .dataDamaged)
    let away = wait(world, .afterEvent(1))
    for load in world.loads() { world.play([.loaded(load.id, .failure(.unavailable))]) }
    #expect(world.replies[away]?.error?.reason == .storageUnavailable)
    #expect(world.statistics().waits == 0)
  }
}
