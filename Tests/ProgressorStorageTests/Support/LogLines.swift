import Logging
import Synchronization

/// What storage logs, from `notice` on.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var logger: Logger {
    Logger(label: "storage") { _ in Handler(lines: self) }
  }

  /// How many lines have this in their message.
  func count(_ text: String) -> Int {
    lines.withLock { $0.count { $0.contains(text) } }
  }

  private struct Handler: LogHandler {
    let lines: LogLines
    var logLevel = Logger.Level.trace
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      guard event.level >= .notice else { return }
      lines.lines.withLock { $0.append("\(event.message)") }
    }
  }
}
