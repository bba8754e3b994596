import Glibc
import Logging
import NIOCore
import ProgressorEngine

/// Tells of turns of the engine's loop that took long. The others cost three looks at clocks.
struct TurnWatch {
  private var turns = SlowTurns()
  private var began: Int64 = 0
  private var threadTimeBefore: Int64 = 0

  /// Turns that took long, since the beginning.
  var slowTurns: UInt64 { turns.count }

  mutating func turnBegins() {
    began = TurnWatch.now
    threadTimeBefore = TurnWatch.threadTime
  }

  /// `entries` and `effects` are those of the turn that `turnBegins()` began.
  mutating func turnEnded(_ entries: [EngineInbox.Entry], _ effects: [Effect], _ logger: Logger) {
    let now = TurnWatch.now
    guard let unlogged = turns.ended(at: now, began: began) else { return }
    let report = TurnReport(entries, effects)
    // A turn that took long and little of the processor was kept from running: by a machine with
    // too little to give, or by a stop of the process.
    logger.warning(
      "a turn of the engine's loop took long",
      metadata: [
        "milliseconds": "\((now - began) / 1_000)",
        "cpu_milliseconds": "\((TurnWatch.threadTime - threadTimeBefore) / 1_000)",
        "inputs": "\(TurnReport.text(report.inputs))",
        "effects": "\(TurnReport.text(report.effects))", "not_logged": "\(unlogged)",
      ])
  }

  /// Microseconds of CLOCK_MONOTONIC, which stands still during a suspend.
  private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds / 1_000) }

  /// Microseconds that this thread has run.
  private static var threadTime: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}
