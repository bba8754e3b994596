/// An accepted notification that waits for its delivery, as `ListNotifications` shows it.
public struct PendingNotification: Sendable, Hashable {
  /// The id that Notify answered.
  public var notificationID: String
  /// When it was stored.
  public var acceptedAt: Timestamp
  /// The client's bytes.
  public var args: [UInt8]
  /// Attempts that failed; 0 = it was not tried, or is to be tried anew.
  public var attempt: Int32
  /// Not tried before; nil = as soon as it can be.
  public var nextAttemptAt: Timestamp?
  /// The gRPC status code of the last failure.
  public var lastCode: Int32
  /// The processor's words for it.
  public var lastMessage: String

  public init(
    notificationID: String, acceptedAt: Timestamp, args: [UInt8] = [], attempt: Int32 = 0,
    nextAttemptAt: Timestamp? = nil, lastCode: Int32 = 0, lastMessage: String = ""
  ) {
    self.notificationID = notificationID
    self.acceptedAt = acceptedAt
    self.args = args
    self.attempt = attempt
    self.nextAttemptAt = nextAttemptAt
    self.lastCode = lastCode
    self.lastMessage = lastMessage
  }
}
