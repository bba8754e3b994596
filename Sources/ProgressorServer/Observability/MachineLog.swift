import Logging
import MachineModel
import NIOCore
import ProgressorEngine
import Synchronization

/// Tells the log what happened to machines: a line each, and of a crowd the first ones and then how
/// many more there were. The node's, told by each of its engines.
final class MachineLog: Sendable {
  private struct State {
    var window = NewsWindow()
    var isWatched = false
  }

  private let state = Mutex(State())
  private let eventLoop: any EventLoop
  private let logger: Logger

  /// - Parameter eventLoop: On which crowds are counted up.
  init(eventLoop: any EventLoop, logger: Logger) {
    self.eventLoop = eventLoop
    self.logger = logger
  }

  /// Something is durable. From any thread.
  func tell(_ news: MachineNews, of machine: MachineID) {
    let now = NodeClock.uptime()
    let (isTold, isFirst) = state.withLock { state in
      let isTold = state.window.take(news.kind, namespace: machine.namespace, now: now)
      defer { state.isWatched = true }
      return (isTold, !state.isWatched)
    }
    if isTold { write(news, machine) }
    if isFirst { watch() }
  }

  private func watch() {
    eventLoop.scheduleTask(in: .microseconds(NewsWindow.length)) { self.countUp() }
  }

  private func countUp() {
    let now = NodeClock.uptime()
    let (crowds, goesOn) = state.withLock { state in
      let crowds = state.window.end(now: now)
      state.isWatched = !state.window.isEmpty
      return (crowds, state.isWatched)
    }
    for crowd in crowds {
      let counts = MachineNews.Kind.allCases.filter { crowd.counts[$0.rawValue] > 0 }
        .map { "\($0): \(crowd.counts[$0.rawValue])" }
      logger.log(
        level: crowd.counts[MachineNews.Kind.failed.rawValue] > 0 ? .warning : .notice,
        "more happened to machines than is told one by one",
        metadata: [
          "namespace": "\(crowd.namespace.text)", "more": "\(counts.joined(separator: ", "))",
        ])
    }
    if goesOn { watch() }
  }

  private func write(_ news: MachineNews, _ machine: MachineID) {
    var metadata: Logger.Metadata = [
      "namespace": "\(machine.namespace)", "machine_id": "\(machine.id)",
    ]
    if !news.reason.isEmpty {
      metadata["reason"] = "\(news.reason.prefix(utf8Bytes: Self.maximumReasonBytes))"
    }
    if let principal = news.context.principal { metadata["principal"] = "\(principal)" }
    if let trace = news.context.traceID { metadata["trace_id"] = "\(trace)" }
    logger.log(
      level: news.kind == .failed ? .warning : .notice, Self.message(news.kind),
      metadata: metadata)
  }

  /// The whole of a reason, which is up to 4 KiB, `machine get` shows.
  private static let maximumReasonBytes = 512

  private static func message(_ kind: MachineNews.Kind) -> Logger.Message {
    switch kind {
    case .failed: "a machine failed"
    case .repaired: "a machine was repaired"
    case .removed: "a machine was removed"
    case .paused: "a machine was paused"
    case .resumed: "a machine was resumed"
    }
  }
}

/// What of a stream of news is told: so many of each namespace in a second, and of all namespaces
/// together. A value; times are microseconds of a clock that only goes forward.
struct NewsWindow {
  /// Microseconds.
  static let length: Int64 = 1_000_000
  static let perNamespace = 10
  static let ofAll = 100

  /// What was not told one by one.
  struct Crowd: Hashable {
    let namespace: ExactText
    /// By the raw values of ``MachineNews/Kind``.
    let counts: [Int]
  }

  private struct Second {
    let since: Int64
    var told = 0
    var untold = [Int](repeating: 0, count: MachineNews.Kind.allCases.count)
    /// Of a second that is over, and was not told yet.
    var isCrowd: Bool { untold.contains { $0 > 0 } }
  }

  private var seconds: [ExactText: Second] = [:]
  private var all = Second(since: .min)

  var isEmpty: Bool { seconds.isEmpty }

  /// Whether it is told by itself; if not, it is counted.
  mutating func take(_ kind: MachineNews.Kind, namespace: String, now: Int64) -> Bool {
    if Self.isOver(all, now) { all = Second(since: now) }
    var second = seconds[ExactText(namespace)] ?? Second(since: now)
    // A crowd stays until it is counted up.
    if Self.isOver(second, now), !second.isCrowd { second = Second(since: now) }
    let isTold = !second.isCrowd && second.told < Self.perNamespace && all.told < Self.ofAll
    if isTold {
      second.told += 1
      all.told += 1
    } else {
      second.untold[kind.rawValue] += 1
    }
    seconds[ExactText(namespace)] = second
    return isTold
  }

  /// The crowds of the seconds that are over, by their namespaces; those begin anew.
  mutating func end(now: Int64) -> [Crowd] {
    let over = seconds.filter { Self.isOver($0.value, now) }
    for namespace in over.keys { seconds[namespace] = nil }
    return over.filter(\.value.isCrowd).sorted { $0.key < $1.key }
      .map { Crowd(namespace: $0.key, counts: $0.value.untold) }
  }

  private static func isOver(_ second: Second, _ now: Int64) -> Bool {
    second.since == .min || now - second.since >= length
  }
}
