import Kafka
import Synchronization

/// What a producer has told.
final class ToldEvents: Sendable {
  private struct State {
    var reports: [UInt64: KafkaReport] = [:]
    var errors: [KafkaError] = []
  }

  private let state = Mutex(State())
  private let bell: AsyncStream<Void>
  private let ringer: AsyncStream<Void>.Continuation

  init() {
    (bell, ringer) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func tell(_ event: KafkaEvent) {
    state.withLock { state in
      switch event {
      case .reports(let reports): for report in reports { state.reports[report.number] = report }
      case .failed(let error): state.errors.append(error)
      case .log, .quiet: break
      }
    }
    ringer.yield()
  }

  /// The reports by the records' numbers, once there are so many.
  func reports(_ count: Int) async -> [UInt64: KafkaReport] {
    await until { state in state.reports.count >= count ? state.reports : nil }
  }

  /// The first error that concerns no record.
  func error() async -> KafkaError { await until { $0.errors.first } }

  private func until<Value: Sendable>(_ answer: (borrowing State) -> Value?) async -> Value {
    var bell = bell.makeAsyncIterator()
    while true {
      if let value = state.withLock({ answer($0) }) { return value }
      await bell.next()
    }
  }
}
