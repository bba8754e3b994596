import MachineModel
import ProgressorEngineTestKit
import ProgressorProto
import Testing

@testable import ProgressorEngine
@testable import ProgressorServer

/// What one Watch shows, with an engine that answers its questions.
@Suite("What a Watch shows")
struct WatchProgressTests {
  private let world = World()

  init() {
    world.processor.answers(.event())
    world.start("m")
  }

  /// What the engine answers to the next question; nil = it waits.
  private func answer(
    _ progress: WatchProgress
  ) -> (id: RequestID, piece: (machine: Machine, mark: MachineMark)?) {
    let id = world.ask(.watch(progress.query), "m")
    return (id, piece(id))
  }

  private func piece(_ id: RequestID) -> (machine: Machine, mark: MachineMark)? {
    guard case .watched(let machine, let mark)? = world.replies[id] else { return nil }
    return (machine, mark)
  }

  /// What is told of an answer to a client that takes so many messages of it.
  private func tell(
    _ piece: (machine: Machine, mark: MachineMark), _ progress: inout WatchProgress,
    taking most: Int = .max
  ) -> [String] {
    let messages = progress.messages(piece.machine, piece.mark) ?? []
    let taken = messages.prefix(most)
    for message in taken { progress.sent(message, piece.mark) }
    progress.took(taken.count, of: messages.count, showing: piece.machine)
    return taken.map { message in
      switch message {
      case .machine(let machine): "machine at \(machine.lastEventID)"
      case .event(let event): "event \(event.id)"
      case .heartbeat: "heartbeat"
      }
    }
  }

  @Test("the machine first, then its events, then what changes: events before the machine")
  func order() throws {
    world.call("m")
    var progress = WatchProgress(after: 0)
    let first = try #require(answer(progress).piece)
    #expect(tell(first, &progress) == ["machine at 2", "event 1", "event 2"])
    let question = answer(progress)
    #expect(question.piece == nil)
    world.call("m")
    let second = try #require(piece(question.id))
    #expect(tell(second, &progress) == ["event 3", "machine at 3"])
  }

  @Test("a long history in pieces, and the machine again only when it has changed meanwhile")
  func pieces() throws {
    for _ in 0..<249 { world.call("m") }
    var progress = WatchProgress(after: 0)
    var told: [String] = []
    while let piece = answer(progress).piece {
      told += tell(piece, &progress)
      if told.count == 101 { world.call("m") }
    }
    #expect(told.first == "machine at 250" && told.last == "machine at 251")
    #expect(told.dropFirst().dropLast() == (1...251).map { "event \($0)" }[...])
  }

  @Test("what a client does not take is asked for again, in pieces that it takes")
  func slow() throws {
    for _ in 0..<199 { world.call("m") }
    var progress = WatchProgress(after: 0)
    var told: [String] = []
    for _ in 0..<200 {
      guard let piece = answer(progress).piece else { break }
      #expect(piece.machine.history.count <= 100)
      let new = tell(piece, &progress, taking: 3)
      told += new
    }
    #expect(told.filter { $0.hasPrefix("event") } == (1...200).map { "event \($0)" })
    #expect(progress.query.limit <= 12, "little more is asked for than is taken")
  }

  @Test("nothing at all of what is not taken is lost")
  func nothingTaken() throws {
    var progress = WatchProgress(after: 0)
    let first = try #require(answer(progress).piece)
    #expect(tell(first, &progress, taking: 0) == [])
    #expect(progress.query.limit == 1 && progress.query.since == nil)
    let again = try #require(answer(progress).piece)
    #expect(tell(again, &progress) == ["machine at 1", "event 1"])
  }

  @Test("a sign of life when nothing happens")
  func heartbeat() throws {
    var progress = WatchProgress(after: 1)
    let first = try #require(answer(progress).piece)
    #expect(tell(first, &progress) == ["machine at 1"])
    let question = answer(progress)
    world.run(for: .seconds(20))
    #expect(tell(try #require(piece(question.id)), &progress) == ["heartbeat"])
    #expect(answer(progress).piece == nil)
  }

  @Test("nothing of another machine of the name")
  func incarnation() throws {
    var progress = WatchProgress(after: 0)
    _ = tell(try #require(answer(progress).piece), &progress)
    world.remove("m")
    world.start("m")
    let piece = try #require(answer(progress).piece)
    #expect(progress.messages(piece.machine, piece.mark) == nil)
  }

  @Test("of events that are large together fewer, and more again when they are small")
  func large() throws {
    let world = World { $0.historyWindowBytes = 0 }
    let body = Content(data: [UInt8](repeating: 1, count: 20_000))
    world.processor.answers(
      .answered(ProcessorAnswer(change: StateChange(events: Array(repeating: body, count: 500)))))
    world.start("m")
    var progress = WatchProgress(after: 0)
    var (questions, events) = (0, 0)
    while events < 500, questions < 100 {
      let id = world.ask(.watch(progress.query), "m")
      guard case .watched(let machine, let mark)? = world.replies[id] else { break }
      events += machine.history.count
      questions += 1
      _ = tell((machine, mark), &progress)
    }
    #expect(events == 500 && questions < 70, "\(questions) questions for \(events) events")
  }
}
