import MachineModel
import Testing

@Suite("Validation of namespaces")
struct NamespaceValidationTests {
  private let example = Namespace(
    name: "n", processor: ProcessorOptions(endpoint: "h:1", timeout: 5, maxInFlight: 6),
    retryPolicy: RetryPolicy(
      initialInterval: 1, multiplier: 1.5, maxInterval: 9, maxAttempts: 0, jitter: 0.25,
      nonRetryable: ["ABORTED"]),
    limits: Limits(mailbox: 1, stepsInFlight: 2, notifications: 3),
    defaultHistoryRange: HistoryRange(limit: 5), idempotencyRetention: 7,
    feed: FeedOptions(isEnabled: true, hasBodies: true, retention: 1, maxBytes: 1))

  @Test("The example with every option is valid")
  func valid() throws {
    try example.validate(path: "")
    try Namespace(name: "n", processor: ProcessorOptions(endpoint: "h:1")).validate(path: "")
  }

  struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var make: @Sendable (inout Namespace) -> Void

    init(_ field: String, _ make: @escaping @Sendable (inout Namespace) -> Void) {
      testDescription = field
      self.make = make
    }
  }

  @Test(
    "A value that cannot be is INVALID_ARGUMENT and names its field",
    arguments: [
      Mistake("namespace.name") { $0.name = "" },
      Mistake("namespace.name") { $0.name = String(repeating: "x", count: 257) },
      Mistake("namespace.name") { $0.name = "a\0" },
      Mistake("namespace.processor.endpoint") { $0.processor.endpoint = "" },
      Mistake("namespace.processor.endpoint") { $0.processor.endpoint = "a b" },
      Mistake("namespace.processor.endpoint") {
        $0.processor.endpoint = String(repeating: "x", count: 1_025)
      },
      Mistake("namespace.processor.timeout") { $0.processor.timeout = 0 },
      Mistake("namespace.processor.max_in_flight") { $0.processor.maxInFlight = -1 },
      Mistake("namespace.processor.connections") { $0.processor.connections = -1 },
      Mistake("namespace.processor.connections") { $0.processor.connections = 65 },
      Mistake("namespace.retry_policy.initial_interval") { $0.retryPolicy.initialInterval = -1 },
      Mistake("namespace.retry_policy.max_interval") { $0.retryPolicy.maxInterval = -1 },
      Mistake("namespace.retry_policy.max_attempts") { $0.retryPolicy.maxAttempts = -1 },
      Mistake("namespace.retry_policy.multiplier") { $0.retryPolicy.multiplier = 0.5 },
      Mistake("namespace.retry_policy.multiplier") { $0.retryPolicy.multiplier = .nan },
      Mistake("namespace.retry_policy.jitter") { $0.retryPolicy.jitter = 1.1 },
      Mistake("namespace.retry_policy.non_retryable") { $0.retryPolicy.nonRetryable = [""] },
      Mistake("namespace.retry_policy.non_retryable") {
        $0.retryPolicy.nonRetryable = [String](repeating: "X", count: 101)
      },
      Mistake("namespace.trace.retention") { $0.trace.retention = 0 },
      Mistake("namespace.feed.retention") { $0.feed.retention = 0 },
      Mistake("namespace.feed.max_bytes") { $0.feed.maxBytes = -1 },
      Mistake("namespace.limits.mailbox") { $0.limits.mailbox = 0 },
      Mistake("namespace.limits.steps_in_flight") { $0.limits.stepsInFlight = 0 },
      Mistake("namespace.limits.notifications") { $0.limits.notifications = -1 },
      Mistake("namespace.limits.messages") { $0.limits.messages = 0 },
      Mistake("namespace.default_history_range.after") {
        $0.defaultHistoryRange = HistoryRange(after: -1)
      },
      Mistake("namespace.idempotency_retention") { $0.idempotencyRetention = -1 },
    ])
  func invalid(_ mistake: Mistake) {
    var namespace = example
    mistake.make(&namespace)
    let error = #expect(throws: ProgressorError.self) { try namespace.validate(path: "namespace") }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.hasPrefix(mistake.testDescription + ":") == true)
  }
}
