import DequeModule
import NIOCore

/// Inflates messages of an event loop in slices: 16 KB can unfold to 16 MiB, and a hundred of such
/// messages would hold the loop, and all other connections on it, for seconds.
///
/// What is left of a slice is used at once, so that an ordinary message is there without a detour.
/// The rest waits in its connection's lane, in the order in which it came, and the lanes are served
/// round-robin: a connection with a thousand such messages is in nobody else's way.
final class InflateScheduler: @unchecked Sendable {
  // Safe to share: touched on its event loop only; other threads hand it on.

  /// How many bytes are inflated in a slice: about a millisecond's work.
  static let bytesPerSlice = 256 << 10
  /// How many bytes of a slice a lane has before the next one is served.
  static let bytesPerLane = 64 << 10
  /// How long other work has the loop between two slices. The loop looks at its sockets only when
  /// no task is due.
  static let pause = TimeAmount.milliseconds(1)

  private let eventLoop: any EventLoop
  private var left = bytesPerSlice
  /// What waits, by connection; no lane is empty.
  private var lanes: [ObjectIdentifier: Deque<InflateJob>] = [:]
  /// The lanes, the next one first.
  private var order = Deque<ObjectIdentifier>()
  private var isSlicePlanned = false

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
    let lane = owner.inflateLane
    do throws(FramingError) {
      let job = InflateJob(try Inflation(message, limit: limit), owner: owner)
      let share = order.isEmpty ? left : min(left, Self.bytesPerLane)
      if lanes[lane] == nil, let end = try run(job, share: share) { return .ended(end) }
      if lanes[lane] == nil { order.append(lane) }
      lanes[lane, default: []].append(job)
      planSlice()
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

  /// Inflates at most `share` bytes more of a job; nil when it is not over then.
  private func run(_ job: InflateJob, share: Int) throws(FramingError) -> InflateJob.End? {
    var rest = share
    while rest > 0, let (inflation, owner) = job.work {
      let before = inflation.work
      defer {
        left -= inflation.work - before
        rest -= inflation.work - before
      }
      planSlice()
      let isComplete = try inflation.step(rest)
      guard owner.mayHold(inflation.heldBytes) else { return .refused }
      if isComplete { return .inflated(inflation.output) }
    }
    return nil
  }

  private func planSlice() {
    guard !isSlicePlanned else { return }
    isSlicePlanned = true
    eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.takeSlice() }
  }

  private func takeSlice() {
    isSlicePlanned = false
    left = Self.bytesPerSlice
    while left > 0, let lane = order.popFirst() { serve(lane) }
    if !order.isEmpty { planSlice() }
  }

  /// Goes on with the first job of a lane, and puts the lane at the end.
  private func serve(_ lane: ObjectIdentifier) {
    guard let job = lanes[lane]?.first else { return }
    let owner = job.work?.owner
    let end: InflateJob.End?
    do throws(FramingError) {
      end = try run(job, share: min(left, Self.bytesPerLane))
    } catch {
      end = .failed(error)
    }
    if end != nil || job.work == nil { lanes[lane]?.removeFirst() }
    if lanes[lane]?.isEmpty == true { lanes[lane] = nil } else { order.append(lane) }
    // Last: the owner may begin another one.
    if let end { owner?.inflationEnded(end) }
  }
}

/// Whose message is inflated.
protocol InflateOwner: AnyObject {
  /// The owner's connection: what comes on one connection waits for each other, and for no other's.
  var inflateLane: ObjectIdentifier { get }
  /// Whether that many bytes may be held for it, what came and what it has become so far.
  func mayHold(_ bytes: Int) -> Bool
  /// A job that went on has ended.
  func inflationEnded(_ end: InflateJob.End)
}

/// A message in line.
final class InflateJob {
  /// How a job ended.
  enum End {
    case inflated(ByteBuffer)
    case failed(FramingError)
    /// The owner may not hold as much.
    case refused
  }

  /// What is to be done, and for whom; nil once nobody waits for it.
  fileprivate private(set) var work: (inflation: Inflation, owner: any InflateOwner)?

  fileprivate init(_ inflation: Inflation, owner: any InflateOwner) {
    work = (inflation, owner)
  }

  /// The bytes that it holds.
  var heldBytes: Int { work?.inflation.heldBytes ?? 0 }

  /// Nobody waits for it any more. Its memory is given back now: its owner counts it no longer.
  func cancel() {
    work = nil
  }
}
