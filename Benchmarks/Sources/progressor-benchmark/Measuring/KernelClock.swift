import Foundation
import Glibc

/// The kernel's clocks. CPU time is in seconds.
enum KernelClock {
  /// User and system time of a process, all threads and those that ended (proc(5),
  /// `/proc/PID/stat`, fields 14 and 15); nil when there is no such process. A tick is usually 10
  /// ms.
  static func cpuTime(ofProcess process: Int32) -> Double? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    // The name before may hold anything; behind it begins field 3.
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return nil
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// The time of this process, to the nanosecond.
  static var cpuTimeOfThisProcess: Double { read(CLOCK_PROCESS_CPUTIME_ID) }

  /// The time of the calling thread, to the nanosecond.
  static var cpuTimeOfThisThread: Double { read(CLOCK_THREAD_CPUTIME_ID) }

  /// What all cores did since the machine started, in ticks: all of it, and idle (proc(5),
  /// `/proc/stat`; waiting for a disk counts as idle).
  static var ticksOfAllCores: (total: Double, idle: Double) {
    let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
    let fields = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap {
      Double($0)
    }
    guard fields.count >= 8 else { return (0, 0) }
    return (fields[0..<8].reduce(0, +), fields[3] + fields[4])
  }

  /// The time of day in microseconds since 1970.
  static var wallClockMicroseconds: Int64 { Int64(read(CLOCK_REALTIME) * 1e6) }

  private static func read(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
