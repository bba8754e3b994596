import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Imported machines")
struct ImportTests {
  private let start = World.beginning

  private func machine(
    _ id: String, events: Int = 0, notifications: Int = 0,
    _ change: (inout PortableMachine) -> Void = { _ in }
  ) -> ImportedMachine {
    var head = PortableMachine(
      id: id, createdAt: start, lastEventID: Int64(events),
      queuedNotifications: Int32(notifications))
    change(&head)
    return ImportedMachine(
      head: head,
      events: (0..<events).map {
        Event(
          id: Int64($0 + 1), createdAt: start,
          body: Content(formatVersion: 7, data: Array("\($0)".utf8)))
      },
      notifications: (0..<notifications).map {
        PortableNotification(acceptedAt: start, args: [UInt8($0 % 256)])
      })
  }

  @Test("everything of it is there, before and after another owner reads it")
  func everything() {
    let world = World()
    world.processor.holds = true
    let failure = Failure(
      reason: "r", failedAt: start, stepKind: .call, code: 13, attempts: 3, step: "c-1-2",
      principal: "bob")
    let imported = machine("m", events: 40, notifications: 40) {
      $0.failure = failure
      $0.pause = Pause(pausedAt: start, reason: "p", principal: "ann")
      $0.auxState = Content(formatVersion: 3, data: [1])
      $0.timer = PortableTimer(
        firesAt: start, historyRange: HistoryRange(limit: 1), processingTimeout: 5,
        metadata: [.init(name: "x-a", value: "1")],
        retry: RetryState(attempt: 2, nextAttemptAt: start, lastCode: 14, lastMessage: "m"))
    }
    let request = world.ask(.importMachine(imported), "m", by: "eve")
    #expect(world.replies[request] == .imported)
    // Whom the file names was seen elsewhere; here it is paused by who imports it.
    var seen = failure
    seen.principal = nil
    for epoch in [1, 2] {
      if epoch == 2 { world.restart(epoch: 2) }
      let shown = world.reply(to: .get(range: nil), "m")?.shownMachine
      #expect(shown?.status == .failed(seen))
      #expect(shown?.history == imported.events && shown?.auxState == imported.head.auxState)
      #expect(shown?.pause == Pause(pausedAt: start, reason: "p", principal: "eve"))
      #expect(shown?.timer == start)
      #expect(shown?.queuedNotifications == 40 && shown?.lastEventID == 40)
    }
    let queue = world.database.queue(of: MachineID(namespace: "n", id: "m"))
    #expect(queue.map(\.args) == imported.notifications.map(\.args))
    #expect(world.inconsistency() == nil)
  }

  @Test("without an identity nobody has failed or paused it, whatever the file says")
  func nobody() {
    let world = World()
    let imported = machine("m") {
      $0.failure = Failure(
        reason: "r", failedAt: start, stepKind: .call, code: 13, attempts: 1, principal: "bob")
      $0.pause = Pause(pausedAt: start, reason: "p", principal: "ann")
    }
    #expect(world.reply(to: .importMachine(imported), "m") == .imported)
    let shown = world.reply(to: .get(range: nil), "m")?.shownMachine
    #expect(shown?.pause == Pause(pausedAt: start, reason: "p"))
    guard case .failed(let failure)? = shown?.status else {
      Issue.record("it is not failed")
      return
    }
    #expect(failure.reason == "r" && failure.principal == nil)
  }

  @Test("its due timer fires at once and its queue is delivered in order, each of it once")
  func goesOn() {
    let world = World()
    var seen: [String] = []
    world.processor.answers { call in
      switch call.stimulus {
      case .signal(.timeout): seen.append("timeout")
      case .signal(.notification(let args, _, _)): seen.append("\(args)")
      default: seen.append("?")
      }
      return .event()
    }
    let imported = machine("m", events: 1, notifications: 70) {
      $0.timer = PortableTimer(firesAt: .earliest)
    }
    #expect(world.reply(to: .importMachine(imported), "m") == .imported)
    world.run(for: .seconds(1))
    #expect(seen.filter { $0 == "timeout" }.count == 1)
    #expect(seen.filter { $0 != "timeout" } == (0..<70).map { "[\($0)]" })
    #expect(world.reply(to: .get(range: nil), "m")?.shownMachine?.lastEventID == 72)
    #expect(world.inconsistency() == nil)
  }

  @Test("one that exists is not touched, and its processor hears of neither")
  func exists() {
    let world = World()
    world.start("m")
    let error = world.reply(to: .importMachine(machine("m", events: 3)), "m")?.error
    #expect(error?.reason == .machineAlreadyExists)
    #expect(world.reply(to: .get(range: nil), "m")?.shownMachine?.lastEventID != 3)
  }

  @Test("after a removal the id is free, and the next incarnation begins anew")
  func removed() {
    let world = World()
    #expect(world.reply(to: .importMachine(machine("m", events: 2)), "m") == .imported)
    world.remove("m")
    #expect(world.reply(to: .importMachine(machine("m", events: 1)), "m") == .imported)
    #expect(world.reply(to: .get(range: nil), "m")?.shownMachine?.lastEventID == 1)
    #expect(world.inconsistency() == nil)
  }
}
