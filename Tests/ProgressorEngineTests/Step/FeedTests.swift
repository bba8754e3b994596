import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

/// Entries of the feed (I9): in the record of the step that they tell of, and only where the
/// namespace has a feed.
@Suite("What a step tells those who follow along")
struct FeedEntriesTests {
  private let world = World([feeding(FeedOptions(isEnabled: true, hasBodies: true))])
  private let records = Records()

  init() {
    let records = records
    world.watch = { effects in
      for case .commit(let batch) in effects { records.all += batch.records }
    }
  }

  private final class Records { var all: [CommitRecord] = [] }

  private static func feeding(_ options: FeedOptions) -> Namespace {
    var namespace = Namespace.named("n")
    namespace.feed = options
    return namespace
  }

  /// What was told since this was asked last.
  private func told() -> [FeedChange] { notes().map(\.change) }

  private func notes() -> [FeedNote] {
    defer { records.all = [] }
    return records.all.flatMap(\.feed)
  }

  private func event(_ id: Int64, _ data: [UInt8] = [1]) -> FeedChange {
    .event(Event(id: id, createdAt: world.now.wall, body: Content(data: data)))
  }

  private static func events(
    _ bodies: [UInt8]..., action: Action = Action()
  ) -> ProcessorOutcome {
    .answered(
      ProcessorAnswer(
        change: StateChange(events: bodies.map { Content(data: $0) }), action: action))
  }

  /// The machine `m`, of which everything was told.
  private func begin() {
    world.processor.answers(.ok)
    world.start("m")
    _ = told()
  }

  /// And it failed.
  private func beginFailed() {
    begin()
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.call("m")
    _ = told()
  }

  private var failure: Failure? {
    world.database.rows[MachineID(namespace: "n", id: "m")]?.failure
  }

  @Test("A start tells that the machine was created, and then of its first events")
  func start() {
    world.processor.answers(Self.events([1], [2, 3]))
    world.start("m")
    let now = world.now.wall
    #expect(
      notes() == [
        FeedNote(.created, at: now), FeedNote(event(1), at: now),
        FeedNote(event(2, [2, 3]), at: now),
      ])
  }

  @Test("A start that does not succeed tells nothing, nor does a machine that is gone at once")
  func noStart() {
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "no")))
    world.start("m")
    #expect(told().isEmpty)
    world.processor.answers(Self.events([1], action: Action(remove: true)))
    world.start("m")
    #expect(told().isEmpty)
  }

  @Test("A step tells of its events in the record that has them, and of nothing else")
  func events() {
    begin()
    world.now += .seconds(1)
    world.processor.answers(Self.events([5], [6]))
    world.call("m")
    #expect(records.all.map(\.events.count) == [2])
    #expect(told() == [event(1, [5]), event(2, [6])])
    world.notify("m")
    #expect(told() == [event(3, [5]), event(4, [6])])
  }

  @Test("A step without events tells nothing, whatever else it changes")
  func withoutEvents() {
    begin()
    world.processor.answers(.timer(after: .seconds(60)))
    world.call("m", key: "k")
    world.processor.answers(.send(.notify("m", after: .seconds(60))))
    world.call("m")
    world.processor.answers(.ok)
    world.call("m")
    #expect(records.all.count >= 2)
    #expect(told().isEmpty)
  }

  @Test("A failure is told as it is kept, and after the events of a step that has both")
  func failed() throws {
    begin()
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.ask(.call(args: [], range: nil, key: nil), "m", by: "ann")
    let kept = try #require(failure)
    #expect(kept.reason.contains("broken") && kept.principal == "ann")
    #expect(told() == [.statusChanged(kept)])
    _ = world.reply(to: .simpleRepair, "m")
    _ = told()
    world.processor.answers(Self.events([1], action: Action(fail: "by itself")))
    world.call("m")
    #expect(told() == [event(1), .statusChanged(failure)])
    #expect(failure?.reason == "by itself")
  }

  @Test("An attempt that is repeated tells nothing; the failure after the last one does")
  func retried() {
    begin()
    world.processor.answers(.status(ProcessorStatus(code: .unavailable, message: "busy")))
    world.notify("m")
    world.run(for: .seconds(5))
    #expect(failure == nil && told().isEmpty)
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.run(for: .seconds(60))
    #expect(failure != nil && told() == [.statusChanged(failure)])
  }

  @Test("A repair tells of its events, and then that the machine works again")
  func repaired() {
    beginFailed()
    world.processor.answers(Self.events([7]))
    _ = world.reply(to: .repair(args: [], range: nil, key: nil), "m")
    #expect(told() == [event(1, [7]), .statusChanged(nil)])
  }

  @Test("A simple repair tells that the machine works again")
  func simplyRepaired() {
    beginFailed()
    _ = world.reply(to: .simpleRepair, "m")
    #expect(told() == [.statusChanged(nil)])
  }

  @Test("A repair that leaves another failure tells of that one")
  func repairedAndFailed() {
    beginFailed()
    world.now += .seconds(1)
    world.processor.answers(.answered(ProcessorAnswer(action: Action(fail: "again"))))
    _ = world.reply(to: .repair(args: [], range: nil, key: nil), "m")
    #expect(failure?.reason == "again")
    #expect(told() == [.statusChanged(failure)])
  }

  @Test("A repair that is refused tells nothing: the machine is failed as before")
  func notRepaired() {
    beginFailed()
    _ = world.reply(to: .repair(args: [], range: nil, key: nil), "m")
    #expect(failure != nil && told().isEmpty)
  }

  @Test("A removal is told, whoever asks for it; a failed machine's too")
  func removed() {
    begin()
    world.remove("m")
    #expect(told() == [.removed])
    beginFailed()
    world.remove("m")
    #expect(told() == [.removed])
    world.remove("m")
    #expect(told().isEmpty)
  }

  @Test("What removes its machine tells its last events first: only the feed has them")
  func removedWithEvents() {
    begin()
    world.processor.answers(Self.events([1], [2], action: Action(remove: true)))
    world.call("m")
    #expect(records.all.flatMap(\.events).isEmpty)
    #expect(told() == [event(1), event(2, [2]), .removed])
    // As a repair, too.
    beginFailed()
    world.processor.answers(Self.events([3], action: Action(remove: true)))
    _ = world.reply(to: .repair(args: [], range: nil, key: nil), "m")
    #expect(told() == [event(1, [3]), .removed])
  }

  @Test("A pause is told to nobody, and nor is its end; a paused machine's steps are")
  func paused() {
    begin()
    #expect(world.reply(to: .pause(reason: "r"), "m")?.error == nil)
    #expect(world.reply(to: .resume, "m")?.error == nil)
    #expect(records.all.count == 2)
    #expect(told().isEmpty)
    _ = world.reply(to: .pause(reason: "r"), "m")
    world.remove("m")
    #expect(told() == [.removed])
  }

  @Test("A machine that cannot be read fails, and that is told")
  func condemned() throws {
    let world = World([Self.feeding(FeedOptions(isEnabled: true))]) { $0.residentBytes = 0 }
    world.processor.answers(.timer(after: .seconds(1)))
    world.start("m")
    world.database.holdsLoads = true
    world.database.holdsCommits = true
    world.now += .milliseconds(1_100)
    let row = world.database.rows[MachineID(namespace: "n", id: "m")]
    while let load = world.nextLoad() {
      world.play([.loaded(load.id, .success(Loaded(row: row, damage: "x")))])
    }
    let record = try #require(world.nextCommit()?.records.first)
    guard case .condemn(let failure, _) = record.row else {
      Issue.record("it is not condemned: \(record.row)")
      return
    }
    #expect(record.feed == [FeedNote(.statusChanged(failure), at: world.now.wall)])
  }

  @Test("An import tells that a machine was created, of its events as they were, and its failure")
  func imported() {
    let time = world.now.wall.advanced(byMicroseconds: -1_000_000)
    let events = (1...3).map {
      Event(id: $0, createdAt: time, body: Content(formatVersion: 7, data: [UInt8($0)]))
    }
    var head = PortableMachine(
      id: "m", createdAt: time, lastEventID: 3, queuedNotifications: 0)
    head.failure = Failure(reason: "r", failedAt: time, stepKind: .call, code: 13, attempts: 3)
    head.pause = Pause(pausedAt: time, reason: "p")
    let machine = ImportedMachine(head: head, events: events, notifications: [])
    #expect(world.reply(to: .importMachine(machine), "m") == .imported)
    let notes = notes()
    #expect(
      notes.map(\.change)
        == [.created] + events.map { .event($0) } + [.statusChanged(head.failure)])
    #expect(notes.allSatisfy { $0.createdAt == world.now.wall })
  }

  @Test("A start that goes before a call is told in a record of its own")
  func opening() {
    world.processor.answers(.event())
    world.ask(.startOrCall(startArgs: [], args: [], range: nil, key: nil), "m")
    #expect(
      records.all.map { $0.feed.map(\.change) } == [[.created, event(1)], [event(2)]])
  }

  @Test("What a message brings about is told like what a client does")
  func messages() {
    begin()
    world.processor.answers { invocation in
      if case .call = invocation.stimulus { .send(.notify("m"), .start("o")) } else { .event() }
    }
    world.call("m")
    let feed = records.all.map { ($0.machine.id, $0.feed.map(\.change)) }
    #expect(feed.filter { $0.0 == "m" }.flatMap(\.1) == [event(1)])
    #expect(feed.filter { $0.0 == "o" }.flatMap(\.1) == [.created, event(1)])
  }

  @Test("Where the namespace has no feed nothing is told")
  func withoutFeed() {
    world.namespaces = [Self.feeding(FeedOptions(isEnabled: false, hasBodies: true))]
    world.processor.answers(Self.events([1]))
    world.start("m")
    world.call("m")
    world.processor.answers(.status(ProcessorStatus(code: .internal, message: "broken")))
    world.call("m")
    _ = world.reply(to: .simpleRepair, "m")
    world.remove("m")
    #expect(records.all.count == 5 && told().isEmpty)
  }

  @Test("Without bodies the events are told with everything but their data, and kept with them")
  func withoutBodies() {
    world.namespaces = [Self.feeding(FeedOptions(isEnabled: true))]
    let content = Content(formatVersion: 9, data: [1, 2])
    world.processor.answers(
      .answered(ProcessorAnswer(change: StateChange(events: [content]))))
    world.start("m")
    #expect(records.all.first?.events.first?.body == content)
    let bare = Event(
      id: 1, createdAt: world.now.wall, body: Content(formatVersion: 9, data: []))
    #expect(told() == [.created, .event(bare)])
    world.processor.answers(
      .answered(
        ProcessorAnswer(change: StateChange(events: [content]), action: Action(remove: true))))
    world.call("m")
    guard case .event(let last)? = told().first else {
      Issue.record("the last event is not told")
      return
    }
    #expect(last.id == 2 && last.body == Content(formatVersion: 9, data: []))
  }

  @Test("Options count from the next step on, for machines that are in memory, too")
  func changedOptions() {
    world.namespaces = [Self.feeding(FeedOptions())]
    begin()
    world.processor.answers(Self.events([4]))
    world.call("m")
    #expect(told().isEmpty)
    world.namespaces = [Self.feeding(FeedOptions(isEnabled: true))]
    world.call("m")
    #expect(told() == [event(2, [])])
    world.namespaces = [Self.feeding(FeedOptions(isEnabled: true, hasBodies: true))]
    world.call("m")
    #expect(told() == [event(3, [4])])
    world.namespaces = [Self.feeding(FeedOptions(hasBodies: true))]
    world.call("m")
    #expect(told().isEmpty)
  }

  @Test("A step that is refused with its batch is told once it is written, and once only")
  func refused() throws {
    begin()
    world.processor.answers(.event())
    world.database.holdsCommits = true
    world.call("m")
    world.refuse(try #require(world.nextCommit()), .overdue)
    _ = told()
    world.release()
    world.run(for: .seconds(60))
    let kept = world.database.rows[MachineID(namespace: "n", id: "m")]?.lastEventID ?? 0
    #expect(told().count == Int(kept))
  }
}
