import MachineModel
import ProgressorEngine
import Synchronization

/// How long the processor of each namespace may take: the deadline of callers that have none. Read
/// on the connections' loops, for such requests only.
final class ProcessorTimeouts: InputObserver, Sendable {
  private let timeouts = Mutex<[String: Int64]>([:])

  /// Microseconds; the default for a namespace that there is not.
  func timeout(of namespace: String) -> Int64 {
    timeouts.withLock { $0[namespace] } ?? ProcessorOptions.defaultTimeout
  }

  func observe(_ input: Input, now: Moment) {
    guard case .namespacesChanged(let records) = input else { return }
    let pairs = records.map { record in
      (record.namespace.name, record.namespace.processor.timeout ?? ProcessorOptions.defaultTimeout)
    }
    timeouts.withLock { $0 = Dictionary(pairs) { _, last in last } }
  }
}
