import Dispatch
import Glibc
import Synchronization

/// Writes lines to a descriptor from a queue of its own: who logs does not wait for who reads. What
/// finds no room is counted, and the count is told when there is room again.
///
/// A line leaves in one `write(2)` where the system takes it whole, in the order of the calls.
final class LineWriter: Sendable {
  /// The process's standard error, which is flushed when the process exits.
  static let standardError: LineWriter = {
    atexit { LineWriter.standardError.flush(atMost: .seconds(2)) }
    return LineWriter(descriptor: STDERR_FILENO)
  }()

  private struct State {
    var lines: [[UInt8]] = []
    var bytes = 0
    var dropped = 0
    var isWriting = false
  }

  private let descriptor: Int32
  private let maximumBytes: Int
  private let queue = DispatchQueue(label: "progressor.log")
  private let state = Mutex(State())

  /// - Parameter maximumBytes: Of lines that wait.
  init(descriptor: Int32, maximumBytes: Int = 1 << 20) {
    self.descriptor = descriptor
    self.maximumBytes = maximumBytes
  }

  /// Takes a line, which ends with its line break. From any thread; never blocks.
  func write(_ line: [UInt8]) {
    let begins = state.withLock { state in
      guard state.bytes + line.count <= maximumBytes else {
        state.dropped += 1
        return false
      }
      state.lines.append(line)
      state.bytes += line.count
      defer { state.isWriting = true }
      return !state.isWriting
    }
    if begins { queue.async { self.drain() } }
  }

  /// Waits until what was taken is written, or for so long. Blocks.
  func flush(atMost timeout: DispatchTimeInterval) {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + timeout)
  }

  private func drain() {
    while let lines = next() {
      for line in lines {
        put(line)
        state.withLock { $0.bytes -= line.count }
      }
    }
  }

  /// What waits, and behind it how much had to be left out; nil = nothing does.
  private func next() -> [[UInt8]]? {
    state.withLock { state in
      var lines = state.lines
      state.lines = []
      if state.dropped > 0 {
        let text = "\(state.dropped) lines of the log are missing here: they were not read in time"
        lines.append(Array((text + "\n").utf8))
        state.bytes += text.utf8.count + 1
        state.dropped = 0
      }
      state.isWriting = !lines.isEmpty
      return lines.isEmpty ? nil : lines
    }
  }

  /// Blocks while the descriptor takes nothing. A log that cannot be written has no better place to
  /// say so.
  private func put(_ line: [UInt8]) {
    var rest = line[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno == EAGAIN {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&poller, 1, -1)
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }
}
