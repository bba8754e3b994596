import DequeModule
import NIOCore

/// Inflates messages a little in each turn of an event loop: 16 KB can unfold to 16 MiB, and a hundred of
/// such messages would hold the loop, and all other connections on it, for seconds.
///
/// What is left of the turn's bytes is used at once, so that an ordinary message is there without a detour.
/// The rest waits in line, message by message in the order in which they came.
final class InflateTurns: @unchecked Sendable {
  // Safe to share: touched on its event loop only; other threads hand it on.

  /// How many bytes are inflated in a turn: about a millisecond's work.
  static let bytesPerTurn = 256 << 10
  /// How long other work has the loop between two turns. The loop looks at its sockets only when no
  /// task is due.
  static let pause = TimeAmount.milliseconds(1)

  private let eventLoop: any EventLoop
  private var left = bytesPerTurn
  private var waiting = Deque<InflateJob>()
  private var isTurnPlanned = false

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  /// Begins to inflate a message.
  ///
  /// - Parameters:
  ///   - limit: the longest result in bytes.
  ///   - owner: is asked for memory, and told of the end, unless that came before this returns.
  /// - Returns: the end, or the job that goes on.
  func begin(_ message: ByteBuffer, limit: Int, owner: any InflateOwner) -> Begun {
    do throws(FramingError) {
      let job = InflateJob(try Inflation(message, limit: limit), owner: owner)
      if waiting.isEmpty, let end = try run(job) { return .ended(end) }
      waiting.append(job)
      planTurn()
      return .goesOn(job)
    } catch {
      return .ended(.failed(error))
    }
  }

  /// How `begin` ends.
  enum Begun {
    case ended(InflateJob.End)
    case goesOn(InflateJob)
  }

  /// Goes on with a job as long as the turn has bytes left; nil when it has none.
  private func run(_ job: InflateJob) throws(FramingError) -> InflateJob.End? {
    while left > 0, let owner = job.owner {
      let before = job.inflation.work
      defer { left -= job.inflation.work - before }
      planTurn()
      let isComplete = try job.inflation.step(left)
      guard owner.mayHold(job.inflation.heldBytes) else { return .refused }
      if isComplete { return .inflated(job.inflation.output) }
    }
    return nil
  }

  private func planTurn() {
    guard !isTurnPlanned else { return }
    isTurnPlanned = true
    eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.takeTurn() }
  }

  private func takeTurn() {
    isTurnPlanned = false
    left = Self.bytesPerTurn
    while left > 0, let job = waiting.first {
      guard let owner = job.owner else {
        waiting.removeFirst()
        continue
      }
      do throws(FramingError) {
        guard let end = try run(job) else { break }
        waiting.removeFirst()
        owner.inflationEnded(end)
      } catch {
        waiting.removeFirst()
        owner.inflationEnded(.failed(error))
      }
    }
    if !waiting.isEmpty { planTurn() }
  }
}

/// Whose message is inflated.
protocol InflateOwner: AnyObject {
  /// Whether that many bytes may be held for it, what came and what it has become so far.
  func mayHold(_ bytes: Int) -> Bool
  /// A job that went on has ended.
  func inflationEnded(_ end: InflateJob.End)
}

/// A message in line.
final class InflateJob {
  /// How it ended.
  enum End {
    case inflated(ByteBuffer)
    case failed(FramingError)
    /// The owner may not hold as much.
    case refused
  }

  fileprivate let inflation: Inflation
  fileprivate private(set) var owner: (any InflateOwner)?

  fileprivate init(_ inflation: Inflation, owner: any InflateOwner) {
    self.inflation = inflation
    self.owner = owner
  }

  /// The bytes that it holds.
  var heldBytes: Int { inflation.heldBytes }

  /// Nobody waits for it any more.
  func cancel() {
    owner = nil
  }
}
