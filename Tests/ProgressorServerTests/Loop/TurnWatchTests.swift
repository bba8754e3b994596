import Logging
import MachineModel
import NIOCore
import ProgressorEngine
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("The watch over turns")
struct TurnWatchTests {
  /// Holds the loop for longer than a turn may take.
  private final class Dawdler: ProcessorPort {
    func namespacesChanged(_ records: [NamespaceRecord]) {
      let end = NIODeadline.now() + .microseconds(SlowTurns.threshold + 10_000)
      while NIODeadline.now() < end {}
    }

    func invoke(_ invocation: Invocation, now: Moment) {}
    func callOff(_ step: StepID, attempt: Int32) {}
    func awaitEndpoint(_ namespace: NamespaceNumber) {}
    func close() {}
  }

  @Test("writes a warning with what the turn did, and counts it")
  func warns() async throws {
    let fixture = EngineLoopFixture()
    let log = LogProbe()
    try await fixture.start(processors: { Dawdler() }, logger: log.logger)
    fixture.loop.submit(.namespacesChanged([]))
    let line = try await log.next()
    #expect(line.level == .warning && line.message == "a turn of the engine's loop took long")
    #expect(line.metadata["inputs"] == "namespacesChanged 1" && line.metadata["not_logged"] == "0")
    let milliseconds = try #require(line.metadata["milliseconds"].flatMap { Int($0) })
    #expect(milliseconds >= 250)
    #expect(try await fixture.loop.statistics().get()?.slowTurns == 1)
    try await fixture.stop()
  }
}

/// Collects what is logged.
struct LogProbe {
  struct Line: Sendable {
    var level: Logger.Level
    var message: String
    var metadata: [String: String]
  }

  private struct Handler: LogHandler {
    let continuation: AsyncStream<Line>.Continuation
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      continuation.yield(
        Line(
          level: event.level, message: "\(event.message)",
          metadata: (event.metadata ?? [:]).mapValues { "\($0)" }))
    }
  }

  let logger: Logger
  private let lines: AsyncStream<Line>

  init() {
    let (lines, continuation) = AsyncStream<Line>.makeStream()
    self.lines = lines
    logger = Logger(label: "test") { _ in Handler(continuation: continuation) }
  }

  /// The next line.
  func next() async throws -> Line {
    var iterator = lines.makeAsyncIterator()
    return try #require(await iterator.next())
  }

  /// All lines that there are by now.
  func all() async throws -> [Line] {
    logger.critical("all of it")
    var all: [Line] = []
    while case let line = try await next(), line.message != "all of it" { all.append(line) }
    return all
  }
}
