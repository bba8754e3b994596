public import MachineModel

/// One call of a processor.
public struct Invocation: Sendable, Hashable {
  /// Which of the Processor's three methods is called, and with what.
  public enum Stimulus: Sendable, Hashable {
    case signal(Signal)
    case call(args: [UInt8], key: String?)
    case repair(args: [UInt8], key: String?)
  }

  /// Which step it is of; the answer names it.
  public var step: StepID
  /// `progressor-attempt`; the first is 1.
  public var attempt: Int32
  /// Whose processor is called.
  public var namespace: NamespaceNumber
  /// The method, and what it is about.
  public var stimulus: Stimulus
  /// The machine as it is before the step, with the history that was asked for.
  public var machine: Machine
  /// `progressor-step`: the same for every invocation of one step, across restarts too.
  public var stepToken: String
  /// `progressor-epoch`.
  public var epoch: Int64
  /// When the invocation is over, wherever it is, on `Moment.uptime`. For what a caller waits for,
  /// the caller's deadline.
  public var deadline: Int64
  /// How long the processor may take, counted from when the invocation is sent. Microseconds.
  public var timeout: Int64
  /// The metadata of the caller who caused the step, handed on.
  public var context: CallerContext
  /// Whether to wait for an endpoint that cannot be reached, until the deadline; else the outcome
  /// is `unreachable` as soon as that is known.
  public var waitsForEndpoint: Bool

  public init(
    step: StepID, attempt: Int32, namespace: NamespaceNumber, stimulus: Stimulus,
    machine: Machine, stepToken: String, epoch: Int64, deadline: Int64, timeout: Int64,
    context: CallerContext, waitsForEndpoint: Bool
  ) {
    self.step = step
    self.attempt = attempt
    self.namespace = namespace
    self.stimulus = stimulus
    self.machine = machine
    self.stepToken = stepToken
    self.epoch = epoch
    self.deadline = deadline
    self.timeout = timeout
    self.context = context
    self.waitsForEndpoint = waitsForEndpoint
  }
}

extension Invocation {
  /// How long what nobody waits for may wait for a connection or a free stream. Microseconds.
  static let longestWait: Int64 = 30_000_000
}

/// How an invocation ended.
public enum ProcessorOutcome: Sendable, Hashable {
  case answered(ProcessorAnswer)
  /// The processor itself sent this status.
  case status(ProcessorStatus)
  /// The processor certainly did not see the request, or this side had no room for its answer: it
  /// costs no attempt.
  case unreachable(message: String)
  /// Our own client ended it (deadline, cut stream, reset, missing trailers, plain HTTP error): the
  /// processor may have seen the request. Always transient.
  case lost(code: Code, message: String)
  /// An answer that is missing, cannot be decoded or exceeds a limit; the text is for its author.
  case unusable(message: String)
  /// The machine with the history asked for exceeds the message limit; nothing was sent.
  case machineTooLarge
}

/// A status other than OK that the processor sent.
public struct ProcessorStatus: Sendable, Hashable {
  /// The gRPC status code; never OK.
  public var code: Code
  /// The processor's words; may be empty.
  public var message: String
  /// Its details, each a serialised `google.protobuf.Any`.
  public var details: [[UInt8]]
  /// The reasons of the ErrorInfo among them.
  public var reasons: [String]
  /// How long it is to be left alone, by its RetryInfo, in microseconds; nil = it does not say.
  public var retryDelay: Int64?

  public init(
    code: Code, message: String, details: [[UInt8]] = [], reasons: [String] = [],
    retryDelay: Int64? = nil
  ) {
    self.code = code
    self.message = message
    self.details = details
    self.reasons = reasons
    self.retryDelay = retryDelay
  }
}
