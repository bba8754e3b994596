public import Logging

/// What is logged, and how.
public struct LogConfiguration: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable {
    case text
    case json
  }

  /// The least severe messages that are logged.
  public var level: Logger.Level
  public var format: Format

  public init(level: Logger.Level = .info, format: Format = .text) {
    self.level = level
    self.format = format
  }

  /// The words for `level`.
  public static let levels = Logger.Level.allCases.map(\.rawValue)
}
