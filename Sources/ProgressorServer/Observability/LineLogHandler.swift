public import Logging
import MachineModel

/// Writes each log message as one line on standard error, as text or as JSON, without waiting for
/// who reads it: see `LineWriter`.
public struct LineLogHandler: LogHandler {
  /// The least severe messages that are written: what the logger was given, or else the threshold
  /// of all.
  public var logLevel: Logger.Level {
    get { own ?? threshold.level }
    set { own = newValue }
  }
  /// Written with every message; what comes with a message wins.
  public var metadata: Logger.Metadata = [:]
  /// Asked for each message; what the logger has wins.
  public var metadataProvider: Logger.MetadataProvider?

  /// Waits until the lines so far are written, for this long at most, and then no more: for who is
  /// about to end the process, or to write past the log. Blocks.
  public static func flush(milliseconds: Int = 500) {
    LineWriter.standardError.flush(atMost: .milliseconds(milliseconds))
  }

  private let label: String
  private let format: LogConfiguration.Format
  private let threshold: LogThreshold
  private var own: Logger.Level?

  /// - Parameters:
  ///   - label: The `logger` of JSON lines.
  ///   - threshold: The level, if it may change; nil = it is the configuration's for good.
  public init(
    label: String, configuration: LogConfiguration, threshold: LogThreshold? = nil
  ) {
    self.label = label
    self.threshold = threshold ?? LogThreshold(configuration.level)
    format = configuration.format
  }

  /// The metadata under a key.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one line. From any thread; never blocks.
  public func log(event: LogEvent) {
    let extra = event.metadata ?? [:]
    let all = (metadataProvider?.get() ?? [:]).merging(metadata) { _, own in own }
      .merging(extra) { _, own in own }
    let line = LogLine(
      time: NodeClock().now().wall, level: event.level, label: label, message: "\(event.message)",
      metadata: all.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 })
    LineWriter.standardError.write(Array((line.text(format) + "\n").utf8))
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
    case .human:
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
