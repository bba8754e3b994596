import Foundation

/// The memory of a process, as the kernel counts it.
enum ProcessMemory {
  /// Bytes in memory (proc(5), `/proc/PID/smaps_rollup`, which counts pages; `statm` is behind by
  /// some of each thread); nil when there is no such process.
  static func resident(ofProcess process: Int32) -> Int? {
    let path = "/proc/\(process)/smaps_rollup"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Rss:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kibibytes << 10
  }
}
