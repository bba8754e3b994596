/// Is told of the calls of a method. Called on the event loop of the call's connection; must not
/// block.
public protocol CallObserver: Sendable {
  /// The header fields of a call arrived. Each is followed by its end.
  func callStarted()

  /// A call was answered, or given up by its client (CANCELLED).
  func callEnded(_ call: CallSummary)
}

/// What became of a call.
public struct CallSummary: Sendable, Hashable {
  /// How it ended.
  public var code: StatusCode
  /// Since its header fields arrived.
  public var nanoseconds: Int64
  /// Bytes of the requests as they came, compressed if they were, without their prefixes.
  public var receivedBytes = 0
  /// Bytes of the responses as they are sent, compressed if they are, without their prefixes.
  public var sentBytes = 0

  public init(
    code: StatusCode, nanoseconds: Int64, receivedBytes: Int = 0, sentBytes: Int = 0
  ) {
    self.code = code
    self.nanoseconds = nanoseconds
    self.receivedBytes = receivedBytes
    self.sentBytes = sentBytes
  }
}
