import Glibc
public import Logging
import MachineModel

/// Writes each log message as one line on standard error, as text or as JSON.
///
/// A line leaves in one `write(2)`, so that lines of several threads do not mix.
public struct LineLogHandler: LogHandler {
  /// The least severe messages that are written.
  public var logLevel: Logger.Level
  /// Written with every message; what comes with a message wins.
  public var metadata: Logger.Metadata = [:]
  /// Asked for each message; what the logger has wins.
  public var metadataProvider: Logger.MetadataProvider?

  private let label: String
  private let format: LogConfiguration.Format

  /// - Parameter label: The `logger` of JSON lines.
  public init(label: String, configuration: LogConfiguration) {
    self.label = label
    logLevel = configuration.level
    format = configuration.format
  }

  /// The metadata under a key.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one line. From any thread; blocks while standard error does.
  public func log(event: LogEvent) {
    let extra = event.metadata ?? [:]
    let all = (metadataProvider?.get() ?? [:]).merging(metadata) { _, own in own }
      .merging(extra) { _, own in own }
    let line = LogLine(
      time: NodeClock().now().wall, level: event.level, label: label, message: "\(event.message)",
      metadata: all.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 })
    let bytes = Array((line.text(format) + "\n").utf8)
    // A log that cannot be written has no better place to say so.
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }
}

/// One line of a log.
struct LogLine {
  var time: Timestamp
  var level: Logger.Level
  var label: String
  var message: String
  /// In order of the keys.
  var metadata: [(String, String)]

  func text(_ format: LogConfiguration.Format) -> String {
    switch format {
    case .text:
      var text = "\(time.rfc3339) \(level) \(LogLine.oneLine(message))"
      for (key, value) in metadata { text += " \(key)=\(LogLine.plain(value))" }
      return text
    case .json:
      var members = [
        ("time", time.rfc3339), ("level", level.rawValue), ("logger", label), ("message", message),
      ]
      members += metadata
      return "{"
        + members.map { "\(LogLine.quoted($0.0)):\(LogLine.quoted($0.1))" }.joined(separator: ",")
        + "}"
    }
  }

  private static func oneLine(_ text: String) -> String {
    text.unicodeScalars.contains(where: \.steersText)
      ? String(quoted(text).dropFirst().dropLast()) : text
  }

  /// As it is when that cannot be misread, else quoted.
  private static func plain(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && !$0.steersText }
    return isPlain ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.steersText && scalar.value <= 0xFFFF:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
