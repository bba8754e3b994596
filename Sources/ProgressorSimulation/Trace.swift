import MachineModel
import ProgressorEngine

/// What happened, as readable lines when asked for, and always as a hash: two runs of one seed must
/// end with the same.
struct Trace {
  /// How many lines are kept.
  static let window = 200

  /// Lines are made only when this is set: they cost more than the run.
  var isRecording = false
  /// Without heartbeats, wake-ups and reads that find nothing.
  var isBrief = false
  /// Each line as it is made, for `--trace`.
  var sink: (@Sendable (String) -> Void)?
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private var lines: [String] = []
  private var oldest = 0

  mutating func mix(_ value: UInt64) {
    hash = (hash ^ value) &* 0x0000_0100_0000_01b3
    hash ^= hash >> 29
  }

  /// - Parameters:
  ///   - node: nil = it is nobody's.
  ///   - core: nil = it is no single loop's, or the node has no other.
  mutating func line(
    at time: Int64, node: Int?, core: Int32? = nil, _ text: @autoclosure () -> String
  ) {
    guard isRecording else { return }
    let place = (node.map { " node \($0)" } ?? "") + (core.map { " core \($0)" } ?? "")
    let line = "\(Trace.padded(time))\(place) \(text())"
    sink?(line)
    if lines.count < Trace.window {
      lines.append(line)
    } else {
      lines[oldest] = line
      oldest = (oldest + 1) % Trace.window
    }
  }

  /// The last lines, oldest first.
  var last: [String] { Array(lines[oldest...] + lines[..<oldest]) }

  private static func padded(_ time: Int64) -> String {
    let text = String(time)
    return String(repeating: " ", count: max(0, 12 - text.count)) + text
  }
}
