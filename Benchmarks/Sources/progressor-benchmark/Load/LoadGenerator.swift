import GRPC
import NIOCore

/// What a load generator saw between two moments.
struct LoadCount: Sendable {
  /// Calls that ended with OK.
  var completed = 0
  /// From the call to its answer, in nanoseconds.
  var latencies = Histogram()
  /// The others, by status code.
  var failures: [String: Int] = [:]
  /// What the first of them said.
  var firstFailure: RPCStatus?
}

/// Callers that each have one call outstanding: the next goes out when the answer is there.
final class LoadGenerator: @unchecked Sendable {
  // Safe to share: constants are immutable, and every variable is touched on `loop` only.

  /// Makes the request of a caller; `number` counts all calls from 0.
  typealias Request = @Sendable (_ caller: Int, _ number: Int) -> ByteBuffer

  private let channel: GRPCChannel
  private let path: String
  private let callers: Int
  private let request: Request
  /// How many calls to make in all; nil = until `stop`.
  private let total: Int?
  private let loop: any EventLoop
  private let finished: EventLoopPromise<Void>

  private var issued = 0
  private var open = 0
  private var isStopping = false
  private var count = LoadCount()

  /// Every call's time limit: what bounds `stop`.
  private static let timeout = TimeAmount.seconds(10)

  init(
    channel: GRPCChannel, path: String, callers: Int, total: Int? = nil,
    request: @escaping Request
  ) {
    self.channel = channel
    self.path = path
    self.callers = callers
    self.total = total
    self.request = request
    loop = channel.eventLoop
    finished = loop.makePromise()
  }

  /// Sets the callers going.
  func start() {
    loop.execute {
      self.open = self.callers
      for caller in 0..<self.callers { self.call(caller) }
    }
  }

  /// Forgets what was counted so far.
  func beginCounting() async throws {
    try await loop.submit { self.count = LoadCount() }.get()
  }

  /// What was counted up to now.
  func counted() async throws -> LoadCount {
    try await loop.submit { self.count }.get()
  }

  /// Makes no more calls and waits for the answers that are outstanding.
  func stop() async throws {
    loop.execute { self.isStopping = true }
    try await finish()
  }

  /// Waits until all `total` calls were answered.
  func finish() async throws {
    try await finished.futureResult.get()
  }

  private func call(_ caller: Int) {
    guard !isStopping, total.map({ issued < $0 }) ?? true else {
      open -= 1
      if open == 0 { finished.succeed() }
      return
    }
    let message = request(caller, issued)
    issued += 1
    let start = NIODeadline.now()
    channel.unary(path: path, message: message, deadline: start + Self.timeout) { result in
      self.answered(result, since: start)
      self.call(caller)
    }
  }

  private func answered(_ result: UnaryResult, since start: NIODeadline) {
    if result.status.isOK {
      count.completed += 1
      count.latencies.record(Int((NIODeadline.now() - start).nanoseconds))
    } else {
      count.failures[result.status.code.name, default: 0] += 1
      if count.firstFailure == nil { count.firstFailure = result.status }
    }
  }
}
