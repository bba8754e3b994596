public import Logging

/// What is logged, and how.
public struct LogConfiguration: Sendable, Hashable {
  /// How a line is written.
  public enum Format: String, Sendable, Hashable {
    /// Time, level, message and `key=value` pairs.
    case human
    /// An object of strings.
    case json
  }

  /// The least severe messages that are logged.
  public var level: Logger.Level
  /// How lines are written.
  public var format: Format

  /// What the server does unless told otherwise.
  public init(level: Logger.Level = .info, format: Format = .human) {
    self.level = level
    self.format = format
  }

  /// The words for `level`.
  public static let levels = Logger.Level.allCases.map(\.rawValue)
}
