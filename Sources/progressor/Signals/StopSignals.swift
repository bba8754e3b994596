import Glibc
import ProgressorServer
import Synchronization

/// SIGTERM and SIGINT: the first asks to stop in order, the second ends the process, once the
/// log is written.
struct StopSignals {
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  private let signals: [CaughtSignal]

  init(stop: @escaping @Sendable () -> Void) throws(CaughtSignalError) {
    let counter = Counter()
    var signals: [CaughtSignal] = []
    for kind in [CaughtSignal.Kind.termination, .interrupt] {
      signals.append(
        try CaughtSignal(kind) {
          let earlier = counter.value.wrappingAdd(1, ordering: .relaxed).oldValue
          if earlier == 0 { return stop() }
          LineLogHandler.flush()
          _exit(128 + kind.number)
        })
    }
    self.signals = signals
  }

  /// Signals are ignored from now on.
  func cancel() {
    for signal in signals { signal.cancel() }
  }
}
