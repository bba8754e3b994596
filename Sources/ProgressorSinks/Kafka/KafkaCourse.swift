import Kafka
import Synchronization

/// Hands what a producer tells to the delivery that is under way.
///
/// Each delivery has a number, which its records carry: what is told late of an earlier one reaches
/// nobody.
final class KafkaCourse: Sendable {
  /// What a delivery hears: reports of its own records, with their indices; empty = time passes, or
  /// something is wrong.
  typealias Reports = [(index: Int, error: KafkaError?)]

  private struct State {
    var delivery: UInt32 = 0
    var continuation: AsyncStream<Reports>.Continuation?
    var trouble: (error: KafkaError, at: ContinuousClock.Instant)?
  }

  private let state = Mutex(State())
  private let log: @Sendable (String) -> Void

  /// - Parameter log: takes lines for people, on any thread.
  init(log: @escaping @Sendable (String) -> Void) { self.log = log }

  /// The number of a new delivery, and what it hears; no earlier one hears anything from now on.
  func begin() -> (delivery: UInt32, reports: AsyncStream<Reports>) {
    // One who waits, and takes what there is: no more are held than records under way, and a sign
    // of life each second.
    let (reports, continuation) = AsyncStream.makeStream(of: Reports.self)
    let (delivery, earlier) = state.withLock { state in
      state.delivery &+= 1
      return (state.delivery, exchange(&state.continuation, with: continuation))
    }
    earlier?.finish()
    return (delivery, reports)
  }

  /// Has the delivery that is under way hear nothing more.
  func end() {
    state.withLock { exchange(&$0.continuation, with: nil) }?.finish()
  }

  /// The number that a record of a delivery carries.
  static func number(_ delivery: UInt32, _ index: Int) -> UInt64 {
    UInt64(delivery) << 32 | UInt64(UInt32(truncatingIfNeeded: index))
  }

  /// What was wrong last, such as with a connection, since `instant`; nil = nothing.
  func trouble(since instant: ContinuousClock.Instant) -> KafkaError? {
    state.withLock { $0.trouble.flatMap { $0.at >= instant ? $0.error : nil } }
  }

  /// Takes what the producer tells, on its thread.
  func tell(_ event: KafkaEvent) {
    switch event {
    case .log(let line): log(KafkaText.line(line.text))
    case .failed(let error):
      log(KafkaText.line("\(error)"))
      let continuation = state.withLock { state in
        if error.code != .allBrokersDown || state.trouble == nil { state.trouble = (error, .now) }
        return state.continuation
      }
      continuation?.yield([])
    case .quiet: state.withLock { $0.continuation }?.yield([])
    case .reports(let reports):
      let (delivery, continuation) = state.withLock { ($0.delivery, $0.continuation) }
      let own = reports.filter { UInt32($0.number >> 32) == delivery }
      continuation?.yield(
        own.map { (Int(UInt32(truncatingIfNeeded: $0.number)), $0.error) })
    }
  }
}
