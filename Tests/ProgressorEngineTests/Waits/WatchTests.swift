import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("The pieces of a Watch")
struct WatchTests {
  private let world = World { $0.historyWindowBytes = 0 }

  init() {
    world.processor.answers(.event())
    world.start("m")
  }

  private func watch(
    after: Int64 = 0, limit: Int32 = 10, since: MachineMark? = nil
  ) -> RequestID {
    world.ask(
      .watch(WatchQuery(after: after, limit: limit, since: since, patience: 20_000_000)), "m")
  }

  private func piece(_ id: RequestID) -> (machine: Machine, mark: MachineMark)? {
    guard case .watched(let machine, let mark)? = world.replies[id] else { return nil }
    return (machine, mark)
  }

  @Test("the first comes at once, the next with the next change, whatever it is")
  func changes() throws {
    let first = try #require(piece(watch()))
    #expect(first.machine.history.map(\.id) == [1])
    var next = watch(after: 1, since: first.mark)
    #expect(world.replies[next] == nil)
    world.call("m")
    let second = try #require(piece(next))
    #expect(second.machine.history.map(\.id) == [2])

    world.database.holdsCommits = true
    world.processor.holds = true
    next = watch(after: 2, since: second.mark)
    world.notify("m")
    #expect(world.replies[next] == nil)
    for batch in world.commits() { world.commit(batch) }
    let third = try #require(piece(next))
    #expect(third.machine.queuedNotifications == 1 && third.machine.history.isEmpty)
    #expect(third.mark != second.mark && third.mark.key == first.mark.key)
    #expect(world.inconsistency() == nil)
  }

  @Test("events that are behind are not waited for")
  func behind() throws {
    for _ in 0..<4 { world.call("m") }
    let first = try #require(piece(watch(limit: 2)))
    #expect(first.machine.history.map(\.id) == [1, 2])
    let second = try #require(piece(watch(after: 2, limit: 2, since: first.mark)))
    #expect(second.machine.history.map(\.id) == [3, 4] && second.mark == first.mark)
  }

  @Test("nothing new for as long as it is patient is an answer, too")
  func patience() throws {
    let first = try #require(piece(watch()))
    let next = watch(after: 1, since: first.mark)
    world.run(for: .milliseconds(19_999))
    #expect(world.replies[next] == nil)
    world.run(for: .milliseconds(1))
    let second = try #require(piece(next))
    #expect(second.machine.history.isEmpty && second.mark == first.mark)
  }

  @Test("another machine of the name has another mark")
  func incarnation() throws {
    let first = try #require(piece(watch()))
    let waiting = watch(after: 1, since: first.mark)
    world.remove("m")
    #expect(world.replies[waiting]?.error?.reason == .machineNotFound)
    world.start("m")
    let other = try #require(piece(watch(after: 1, since: first.mark)))
    #expect(other.mark.key != first.mark.key)
  }

  @Test("what lies behind an event that there is not is EVENT_NOT_FOUND")
  func notThere() {
    let error = world.replies[watch(after: 2)]?.error
    #expect(error?.reason == .eventNotFound && error?.message.contains("after_event_id") == true)
    #expect(piece(watch(after: 1)) != nil)
  }

  @Test("events that are too large together are read one at a time")
  func large() throws {
    world.processor.answers(
      .answered(
        ProcessorAnswer(
          change: StateChange(events: [
            Content(data: [UInt8](repeating: 1, count: 700_000)),
            Content(data: [UInt8](repeating: 2, count: 700_000)),
          ]))))
    world.call("m")
    let one = try #require(piece(watch(after: 1)))
    #expect(one.machine.history.map(\.id) == [2])
    let two = try #require(piece(watch(after: 2, since: one.mark)))
    #expect(two.machine.history.map(\.id) == [3])
  }
}
