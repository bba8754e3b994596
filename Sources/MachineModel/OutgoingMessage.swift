/// A message that a step sends to a machine, its own or another: stored with the step, then
/// delivered once in effect.
public struct OutgoingMessage: Sendable, Hashable {
  /// What it does.
  public enum Kind: Sendable, Hashable {
    /// Starts the machine; one that is there already is as good, or an obstacle for ever.
    case start(args: [UInt8], ignoresExisting: Bool)
    case notify(args: [UInt8])
  }

  /// When it is delivered.
  public enum When: Sendable, Hashable {
    case atOnce
    /// Not before this time.
    case at(Timestamp)
    /// Microseconds from the step's commit on; 0 or more.
    case delay(microseconds: Int64)
  }

  /// Who gets it. An empty namespace is the sender's.
  public var target: MachineID
  /// What it does there.
  public var kind: Kind
  /// When it does it.
  public var when: When
  /// A pending message of the same name is replaced; nil = it has none.
  public var name: String?
  /// Whether its sender is told if it can never be delivered.
  public var reportsFailure: Bool

  /// Bytes of UTF-8 that a name may have.
  public static let maximumNameBytes = 256
  /// Bytes that `args` may have.
  public static let maximumArgsBytes = 1 << 20

  public init(
    target: MachineID, kind: Kind, when: When = .atOnce, name: String? = nil,
    reportsFailure: Bool = false
  ) {
    self.target = target
    self.kind = kind
    self.when = when
    self.name = name
    self.reportsFailure = reportsFailure
  }

  /// For the processor of the target.
  public var args: [UInt8] {
    switch kind {
    case .start(let args, _), .notify(let args): args
    }
  }
}

/// A message that is not delivered, as it is shown.
public struct PendingMessage: Sendable, Hashable {
  /// Its number among those of its sender; it grows.
  public var number: Int64
  /// As it was sent, but that its namespace is named.
  public var message: OutgoingMessage
  /// When the step that sent it was committed.
  public var createdAt: Timestamp
  /// When it is due.
  public var deliverAt: Timestamp
  /// How often it was tried.
  public var attempts: Int32
  /// When it is tried next; nil = it can never be delivered.
  public var nextAttemptAt: Timestamp?
  /// The gRPC status code of the last attempt that failed; 0 = none has.
  public var lastCode: Int32
  /// Its reason, as of ErrorInfo; empty = none.
  public var lastReason: String

  public init(
    number: Int64, message: OutgoingMessage, createdAt: Timestamp, deliverAt: Timestamp,
    attempts: Int32 = 0, nextAttemptAt: Timestamp?, lastCode: Int32 = 0, lastReason: String = ""
  ) {
    self.number = number
    self.message = message
    self.createdAt = createdAt
    self.deliverAt = deliverAt
    self.attempts = attempts
    self.nextAttemptAt = nextAttemptAt
    self.lastCode = lastCode
    self.lastReason = lastReason
  }
}

/// A message that can never be delivered, as its sender is told.
public struct UndeliveredMessage: Sendable, Hashable {
  /// Who should have got it.
  public var target: MachineID
  /// Its name; empty = it has none.
  public var name: String
  /// The gRPC status code of its delivery.
  public var code: Int32
  /// Why, as of ErrorInfo.
  public var reason: String
  /// What it carried.
  public var args: [UInt8]

  public init(target: MachineID, name: String, code: Int32, reason: String, args: [UInt8]) {
    self.target = target
    self.name = name
    self.code = code
    self.reason = reason
    self.args = args
  }
}
