import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Dropping notifications")
struct DropNotificationTests {
  /// The machine "m" is paused, and so many notifications wait on it.
  private func world(queued count: Int) -> World {
    let world = World()
    world.start("m")
    #expect(world.reply(to: .pause(reason: ""), "m") == .paused)
    for number in 0..<count { world.notify("m", args: [UInt8(number % 256)]) }
    return world
  }

  private func queue(_ world: World) -> [QueuedNotification] {
    world.database.queue(of: MachineID(namespace: "n", id: "m"))
  }

  private func drop(_ id: String, _ world: World) -> Reply? {
    world.reply(to: .dropNotification(id: id), "m")
  }

  private func delivered(_ world: World) -> () -> [UInt8] {
    final class Seen { var args: [UInt8] = [] }
    let seen = Seen()
    world.processor.answers { call in
      if case .signal(.notification(let args, _, _)) = call.stimulus { seen.args += args }
      return .event()
    }
    return { seen.args }
  }

  @Test(
    "any of a long queue is dropped, in memory or behind it, and the others come in their order",
    arguments: [0, 1, 31, 32, 33, 98, 99])
  func anywhere(place: Int) {
    let world = world(queued: 100)
    // The queue is read anew, as far as one page goes.
    world.restart(epoch: 2)
    let id = queue(world)[place].notificationID
    #expect(drop(id, world) == .notificationDropped)
    #expect(queue(world).count == 99 && !queue(world).contains { $0.notificationID == id })
    #expect(world.reply(to: .get(range: nil), "m")?.shownMachine?.queuedNotifications == 99)
    #expect(drop(id, world)?.error?.reason == .notificationNotFound)
    let args = delivered(world)
    #expect(world.reply(to: .resume, "m") == .resumed)
    #expect(args() == (0..<100).filter { $0 != place }.map { UInt8($0) })
    #expect(world.inconsistency() == nil)
  }

  @Test(
    "a whole queue is dropped one by one, from the front or from behind", arguments: [true, false])
  func all(fromFront: Bool) {
    let world = world(queued: 70)
    world.restart(epoch: 2)
    while let one = fromFront ? queue(world).first : queue(world).last {
      guard drop(one.notificationID, world) == .notificationDropped else {
        Issue.record("\(one.notificationID) is not dropped")
        return
      }
    }
    let args = delivered(world)
    #expect(world.reply(to: .resume, "m") == .resumed)
    world.run(for: .seconds(60))
    #expect(args() == [])
    world.notify("m", args: [1])
    #expect(args() == [1])
    #expect(world.inconsistency() == nil)
  }

  @Test(
    "what is no id of the machine's queue is not found, and nothing is read for it",
    arguments: [
      "", "x", "0-", "-1", "0--1", "0-01", "0-+1", "1-1", "0-1 ", "0-9223372036854775808",
    ])
  func strangers(id: String) {
    let world = world(queued: 3)
    world.database.holdsLoads = true
    #expect(drop(id, world)?.error?.reason == .notificationNotFound)
    #expect(queue(world).count == 3)
    #expect(world.loads().isEmpty)
  }

  @Test("a notification of another machine is not found")
  func others() {
    let world = world(queued: 1)
    world.start("other")
    let id = queue(world)[0].notificationID
    #expect(
      world.reply(to: .dropNotification(id: id), "other")?.error?.reason == .notificationNotFound)
    #expect(
      world.reply(to: .dropNotification(id: id), "none")?.error?.reason == .machineNotFound)
    #expect(queue(world).count == 1)
  }

  @Test("the one that is being delivered is waited for, and then there is nothing left to drop")
  func running() {
    let world = World()
    world.start("m")
    world.processor.holds = true
    world.notify("m", args: [1])
    world.notify("m", args: [2])
    let (first, second) = (queue(world)[0].notificationID, queue(world)[1].notificationID)
    let early = world.ask(.dropNotification(id: first), "m")
    let later = world.ask(.dropNotification(id: second), "m")
    #expect(world.replies[early] == nil && world.replies[later] == nil)
    world.processor.holds = false
    world.answerCalls()
    #expect(world.replies[early]?.error?.reason == .notificationNotFound)
    #expect(world.replies[later] == .notificationDropped)
    #expect(queue(world).isEmpty)
    #expect(world.inconsistency() == nil)
  }

  @Test("one whose delivery failed is dropped before it is tried again, and the next goes at once")
  func backingOff() {
    let world = World()
    world.start("m")
    world.processor.answers(.status(ProcessorStatus(code: .unavailable, message: "busy")))
    world.notify("m", args: [1])
    world.notify("m", args: [2])
    let head = queue(world)[0]
    #expect(head.retry?.attempt == 1)
    let args = delivered(world)
    #expect(drop(head.notificationID, world) == .notificationDropped)
    #expect(args() == [2])
    #expect(queue(world).isEmpty)
    let shown = world.reply(to: .get(range: nil), "m")?.shownMachine
    #expect(shown?.status == .working(nil) && shown?.queuedNotifications == 0)
    #expect(world.inconsistency() == nil)
  }

  @Test("behind a head that backs off one is dropped, and the head keeps its time")
  func behindTheHead() {
    let world = World()
    world.start("m")
    world.processor.answers(.status(ProcessorStatus(code: .unavailable, message: "busy")))
    world.notify("m", args: [1])
    world.notify("m", args: [2])
    let head = queue(world)[0]
    #expect(drop(queue(world)[1].notificationID, world) == .notificationDropped)
    #expect(queue(world) == [head])
    let row = world.database.rows[MachineID(namespace: "n", id: "m")]
    #expect(row?.due == head.retry?.nextAttemptAt)
  }

  @Test("one that waits at the gate is dropped, and does not pass it")
  func atTheGate() {
    let world = World([.named("n", maxInFlight: 1)])
    world.start("m")
    world.start("other")
    world.processor.holds = true
    world.call("other")
    world.notify("m", args: [1])
    #expect(drop(queue(world)[0].notificationID, world) == .notificationDropped)
    world.processor.holds = false
    let args = delivered(world)
    world.answerCalls()
    #expect(args() == [])
    #expect(world.inconsistency() == nil)
  }

  @Test("a failed machine's queue is dropped from, and it stays failed as it was")
  func failed() {
    let world = World()
    world.start("m")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.notify("m", args: [1])
    world.notify("m", args: [2])
    let before = world.reply(to: .get(range: nil), "m")?.shownMachine
    #expect(drop(queue(world)[0].notificationID, world) == .notificationDropped)
    let after = world.reply(to: .get(range: nil), "m")?.shownMachine
    #expect(after?.status == before?.status && after?.status.isFailed == true)
    #expect(after?.queuedNotifications == 1)
    let args = delivered(world)
    #expect(world.reply(to: .simpleRepair, "m") == .simplyRepaired)
    #expect(args() == [2])
  }

  @Test("the key of a dropped notification stays: a repeat is not accepted anew")
  func key() {
    let world = World()
    world.start("m")
    #expect(world.reply(to: .pause(reason: ""), "m") == .paused)
    let first = world.replies[world.notify("m", args: [1], key: "k")]
    #expect(drop(queue(world)[0].notificationID, world) == .notificationDropped)
    #expect(world.replies[world.notify("m", args: [1], key: "k")] == first)
    #expect(queue(world).isEmpty)
  }

  @Test("one that is just being stored is neither dropped nor denied")
  func onItsWay() {
    let world = world(queued: 40)
    world.restart(epoch: 2)
    world.database.holdsCommits = true
    world.notify("m")
    let batch = world.commits()[0]
    world.database.apply(batch)
    let stored = queue(world)
    #expect(drop(stored[40].notificationID, world)?.error?.code == .unavailable)
    world.play([.committed(batch.id)])
    world.database.holdsCommits = false
    #expect(drop(stored[40].notificationID, world) == .notificationDropped)
    #expect(drop(stored[39].notificationID, world) == .notificationDropped)
    #expect(queue(world).count == 39)
    #expect(world.inconsistency() == nil)
  }

  @Test("one that is stored is dropped though others are just being stored, and more and more come")
  func amongOthers() throws {
    let world = world(queued: 40)
    world.restart(epoch: 2)
    world.database.holdsCommits = true
    for _ in 0..<2 { world.notify("m") }
    world.commit(try #require(world.commits().first))
    let stored = queue(world)
    let dropping = world.ask(.dropNotification(id: stored[40].notificationID), "m")
    #expect(world.replies[dropping] == nil)
    while let batch = world.commits().first {
      #expect(world.inconsistency() == nil)
      world.commit(batch)
    }
    #expect(world.replies[dropping] == .notificationDropped)
    #expect(queue(world).count == 41)
  }

  @Test("an outcome that nobody heard is asked again: there is nothing left")
  func unknownOutcome() {
    let world = world(queued: 1)
    world.database.holdsCommits = true
    let id = queue(world)[0].notificationID
    let lost = world.ask(.dropNotification(id: id), "m")
    let batch = world.commits()[0]
    world.database.apply(batch)
    world.fence(batch)
    #expect(world.replies[lost]?.error?.code == .unavailable)
    world.database.holdsCommits = false
    world.restart(epoch: 2)
    #expect(drop(id, world)?.error?.reason == .notificationNotFound)
  }
}
