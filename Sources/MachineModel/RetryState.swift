/// How often a timeout or notification was tried, and when it is tried next.
public struct RetryState: Sendable, Hashable {
  /// The attempt that failed last.
  public var attempt: Int32
  /// When it is tried next; not before.
  public var nextAttemptAt: Timestamp
  /// The gRPC status code of that failure.
  public var lastCode: Int32
  /// The processor's words for it, at most `maximumMessageBytes`.
  public var lastMessage: String

  /// The most that is kept of a message, in bytes of UTF-8.
  public static let maximumMessageBytes = 1024

  /// Makes `lastMessage` fit to keep (`String.fitToKeep`).
  public init(attempt: Int32, nextAttemptAt: Timestamp, lastCode: Int32, lastMessage: String) {
    self.attempt = attempt
    self.nextAttemptAt = nextAttemptAt
    self.lastCode = lastCode
    self.lastMessage = lastMessage.fitToKeep(utf8Bytes: RetryState.maximumMessageBytes)
  }
}
