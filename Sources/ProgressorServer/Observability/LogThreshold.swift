public import Logging
import Synchronization

/// The least severe messages that are written by all loggers without a level of their own. It may
/// change while they write.
public final class LogThreshold: Sendable {
  private static let levels = Logger.Level.allCases
  private let index: Atomic<Int>

  /// The level to begin with.
  public init(_ level: Logger.Level) { index = Atomic(LogThreshold.index(of: level)) }

  /// The level now.
  public var level: Logger.Level {
    LogThreshold.levels[index.load(ordering: .relaxed)]
  }

  /// Sets the level. From any thread.
  ///
  /// - Returns: whether it was another one before.
  public func change(to level: Logger.Level) -> Bool {
    let new = LogThreshold.index(of: level)
    return index.exchange(new, ordering: .relaxed) != new
  }

  private static func index(of level: Logger.Level) -> Int { levels.firstIndex(of: level) ?? 0 }
}
