/// How something that happened to a machine ended. The contract's `Outcome`.
public enum StepOutcome: Int32, Sendable, Hashable, CaseIterable {
  /// In a way that this version does not know: a later one wrote it down.
  case unknown = 0
  case committed = 1
  /// The processor refused a call or a repair; the machine is as it was.
  case refused = 2
  /// A timeout or a notification failed and is tried again.
  case retried = 3
  case failed = 4
  case repaired = 5
  case paused = 6
  case resumed = 7

  /// Those that this version knows.
  public static let allCases: [StepOutcome] = [
    .committed, .refused, .retried, .failed, .repaired, .paused, .resumed,
  ]
}

/// What happened to a machine at one time: an attempt of a step, or an operator's doing.
public struct StepRecord: Sendable, Hashable {
  /// Grows with each record of a machine, not without gaps.
  public var sequence: Int64
  /// `progressor-step` of the invocation; empty = the processor was not asked.
  public var step: String
  /// What it was about; nil for a pause and its end, and for what only a later version knows.
  public var kind: StepKind?
  /// When it began.
  public var beganAt: Timestamp
  /// When it ended, not before it began.
  public var endedAt: Timestamp
  /// How it ended.
  public var outcome: StepOutcome
  /// `progressor-attempt` of the invocation; 0 = the processor was not asked.
  public var attempt: Int32
  /// The gRPC status code of a failure or refusal; 0 = OK.
  public var code: Int32
  /// Why it failed, was refused or paused; at most `maximumMessageBytes` of UTF-8.
  public var message: String
  /// The first of the events that it appended; 0 = it appended none.
  public var firstEventID: Int64
  /// The last of them.
  public var lastEventID: Int64
  /// Who asked, as ``CallerContext/principal``; nil = nobody has an identity here.
  public var principal: String?
  /// Of the request's `traceparent`, 32 hexadecimal digits; nil = it had none.
  public var traceID: String?

  /// The most that is kept of a message, in bytes of UTF-8 (automaton.proto: 4 KiB).
  public static let maximumMessageBytes = 4096

  /// Makes `message` fit to keep (`String.fitToKeep`).
  public init(
    sequence: Int64, step: String = "", kind: StepKind?, beganAt: Timestamp, endedAt: Timestamp,
    outcome: StepOutcome, attempt: Int32 = 0, code: Int32 = 0, message: String = "",
    firstEventID: Int64 = 0, lastEventID: Int64 = 0, principal: String? = nil,
    traceID: String? = nil
  ) {
    self.sequence = sequence
    self.step = step
    self.kind = kind
    self.beganAt = beganAt
    self.endedAt = endedAt
    self.outcome = outcome
    self.attempt = attempt
    self.code = code
    self.message = message.fitToKeep(utf8Bytes: StepRecord.maximumMessageBytes)
    self.firstEventID = firstEventID
    self.lastEventID = lastEventID
    self.principal = principal
    self.traceID = traceID
  }
}
