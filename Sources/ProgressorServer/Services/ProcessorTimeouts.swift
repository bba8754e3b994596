import MachineModel
import ProgressorEngine
import Synchronization

/// The deadline of callers that have none: 30 seconds to wait, and then the processor's own
/// timeout, so that a slow processor is told apart (UNAVAILABLE) from a long queue
/// (DEADLINE_EXCEEDED). Read on the connections' loops, for such requests only.
final class ProcessorTimeouts: InputObserver, Sendable {
  private let timeouts = Mutex<[ExactText: Int64]>([:])

  /// Microseconds; also for a namespace that there is not.
  func timeout(of namespace: String) -> Int64 {
    let processor =
      timeouts.withLock { $0[ExactText(namespace)] } ?? ProcessorOptions.defaultTimeout
    return 30_000_000 + min(processor, 86_400_000_000)
  }

  func observe(_ input: Input) {
    guard case .namespacesChanged(let records) = input else { return }
    let pairs = records.map { record in
      (
        ExactText(record.namespace.name),
        record.namespace.processor.timeout ?? ProcessorOptions.defaultTimeout
      )
    }
    timeouts.withLock { $0 = Dictionary(pairs) { _, last in last } }
  }
}
