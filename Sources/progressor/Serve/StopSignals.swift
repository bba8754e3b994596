import Dispatch
import Glibc
import ProgressorServer
import Synchronization

/// SIGTERM and SIGINT: the first asks to stop in order, the second ends the process, once the
/// log is written.
struct StopSignals {
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  private let sources: [any DispatchSourceSignal]

  init(stop: @escaping @Sendable () -> Void) {
    let counter = Counter()
    sources = [SIGTERM, SIGINT].map { number in
      // The source sees the signal only if its default action does not end the process before.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        let earlier = counter.value.wrappingAdd(1, ordering: .relaxed).oldValue
        if earlier == 0 { return stop() }
        LineLogHandler.flush()
        _exit(128 + number)
      }
      source.resume()
      return source
    }
  }

  /// Signals are ignored from now on.
  func cancel() {
    for source in sources { source.cancel() }
  }
}
