/// A machine, or a namespace, in which no step begins until it is resumed.
public struct Pause: Sendable, Hashable {
  /// When it was paused.
  public var pausedAt: Timestamp
  /// Why, for people; at most `maximumReasonBytes` of UTF-8.
  public var reason: String
  /// Who paused it, as in `CallerContext.principal`; nil = nobody has an identity, or is not known.
  public var principal: String?

  /// The most that is kept of a reason, in bytes of UTF-8.
  public static let maximumReasonBytes = 4096

  /// Cuts `reason` to its limit at a character boundary.
  public init(pausedAt: Timestamp, reason: String, principal: String? = nil) {
    self.pausedAt = pausedAt
    self.reason = reason.prefix(utf8Bytes: Pause.maximumReasonBytes)
    self.principal = principal
  }
}

extension ProgressorError {
  /// What a request gets that would begin a step of a paused machine: UNAVAILABLE, so that clients
  /// come again, after 5 s.
  public static func machinePaused(_ pause: Pause) -> ProgressorError {
    ProgressorError(
      .unavailable, .machinePaused, "the machine is paused" + explanation(of: pause),
      retryPushback: 5_000)
  }

  /// What a request gets that would begin a step in a paused namespace: as `machinePaused`.
  public static func namespacePaused(_ pause: Pause) -> ProgressorError {
    ProgressorError(
      .unavailable, .namespacePaused, "the namespace is paused" + explanation(of: pause),
      retryPushback: 5_000)
  }

  private static func explanation(of pause: Pause) -> String {
    pause.reason.isEmpty ? "" : ": \(pause.reason)"
  }
}
