import ArgumentParser
import MachineModel
import ProgressorServer

/// What can be set of a namespace beside its endpoint, as flags; what is not given stays as it is.
struct NamespaceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("How long one invocation may take.", valueName: "time"))
  var processorTimeout: String?

  @Option(help: ArgumentHelp("Invocations at once.", valueName: "count"))
  var maxInFlight: Int32?

  @Option(help: ArgumentHelp("Connections to each address of the processor.", valueName: "count"))
  var connections: Int32?

  @OptionGroup var tls: ProcessorTLSOptions

  @Option(help: ArgumentHelp("Before the second attempt.", valueName: "time"))
  var retryInitialInterval: String?

  @Option(help: ArgumentHelp("Growth of the interval.", valueName: "factor"))
  var retryMultiplier: Double?

  @Option(help: ArgumentHelp("A cap of the interval.", valueName: "time"))
  var retryMaxInterval: String?

  @Option(
    help: ArgumentHelp(
      "After so many attempts the machine fails; 0 = no limit.", valueName: "count"))
  var retryMaxAttempts: Int32?

  @Option(help: ArgumentHelp("By which part an interval may vary.", valueName: "fraction"))
  var retryJitter: Double?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "A gRPC code or reason that is not tried again; may be repeated, all are replaced.",
      valueName: "code"))
  var nonRetryable: [String] = []

  @Option(help: ArgumentHelp("Requests that wait on one machine.", valueName: "count"))
  var limitMailbox: Int32?

  @Option(help: ArgumentHelp("Steps at once.", valueName: "count"))
  var limitStepsInFlight: Int32?

  @Option(help: ArgumentHelp("Notifications queued on one machine.", valueName: "count"))
  var limitNotifications: Int32?

  @Option(help: ArgumentHelp("Messages of a machine that are not delivered.", valueName: "count"))
  var limitMessages: Int32?

  @Option(help: ArgumentHelp("How long replies to idempotency keys are kept.", valueName: "time"))
  var idempotencyRetention: String?

  @Option(help: "What is recorded of steps: see `progressor machine trace`.")
  var traceLevel: RecordedSteps?

  @Option(help: ArgumentHelp("How long records of steps are kept.", valueName: "time"))
  var traceRetention: String?

  @Option(help: "Whether what is committed goes into the feed.")
  var feed: Switch?

  @Option(help: "Whether events go into the feed with their data.")
  var feedBodies: Switch?

  @Option(help: ArgumentHelp("How long entries of the feed are kept.", valueName: "time"))
  var feedRetention: String?

  @Option(
    help: ArgumentHelp(
      "About how many bytes of the feed are kept, such as 10GiB; 0 = no bound.",
      valueName: "size"))
  var feedMaxBytes: String?

  /// The words of `--feed` and `--feed-bodies`.
  enum Switch: String, ExpressibleByArgument, CaseIterable {
    case on, off
  }

  /// The words of `--trace-level`.
  enum RecordedSteps: String, ExpressibleByArgument, CaseIterable {
    case none, changes, all

    var level: TraceLevel {
      switch self {
      case .none: .nothing
      case .changes: .changes
      case .all: .all
      }
    }
  }

  /// Sets what is given. Throws `ValidationError` for what is no time or size.
  func apply(to namespace: inout Namespace) throws {
    func set<Value>(_ path: WritableKeyPath<Namespace, Value?>, _ value: Value?) {
      if let value { namespace[keyPath: path] = value }
    }
    set(\.processor.timeout, try time(processorTimeout, "--processor-timeout"))
    if let maxInFlight { namespace.processor.maxInFlight = maxInFlight }
    if let connections { namespace.processor.connections = connections }
    tls.apply(to: &namespace.processor)
    set(\.retryPolicy.initialInterval, try time(retryInitialInterval, "--retry-initial-interval"))
    set(\.retryPolicy.multiplier, retryMultiplier)
    set(\.retryPolicy.maxInterval, try time(retryMaxInterval, "--retry-max-interval"))
    set(\.retryPolicy.maxAttempts, retryMaxAttempts)
    set(\.retryPolicy.jitter, retryJitter)
    if !nonRetryable.isEmpty { namespace.retryPolicy.nonRetryable = nonRetryable }
    set(\.limits.mailbox, limitMailbox)
    set(\.limits.stepsInFlight, limitStepsInFlight)
    set(\.limits.notifications, limitNotifications)
    set(\.limits.messages, limitMessages)
    set(\.idempotencyRetention, try time(idempotencyRetention, "--idempotency-retention"))
    set(\.trace.level, traceLevel?.level)
    set(\.trace.retention, try time(traceRetention, "--trace-retention"))
    if let feed { namespace.feed.isEnabled = feed == .on }
    if let feedBodies { namespace.feed.hasBodies = feedBodies == .on }
    set(\.feed.retention, try time(feedRetention, "--feed-retention"))
    if let feedMaxBytes { namespace.feed.maxBytes = try size(feedMaxBytes, "--feed-max-bytes") }
  }

  private func time(_ text: String?, _ flag: String) throws -> Int64? {
    guard let text else { return nil }
    guard let microseconds = Quantity.microseconds(text) else {
      throw ValidationError("\(flag) must be a time such as 500ms, 10s, 5m or 24h.")
    }
    return Int64(microseconds)
  }

  private func size(_ text: String, _ flag: String) throws -> Int64 {
    guard let bytes = Quantity.bytes(text) else {
      throw ValidationError("\(flag) must be a size such as 64KiB, 16MiB or 10GiB.")
    }
    return Int64(bytes)
  }
}
