import MachineModel
import ProgressorServer
import Testing

@Suite("Namespaces in the configuration")
struct NamespaceConfigurationTests {
  @Test("an entry of the file may say everything that a namespace has")
  func everything() throws {
    let text = """
      namespaces:
        - name: orders
          processor:
            endpoint: 127.0.0.1:9000
            timeout: 5s
            max_in_flight: 10
            connections: 3
          retry_policy:
            initial_interval: 100ms
            multiplier: 1.5
            max_interval: 1m
            max_attempts: 0
            jitter: 0.2
            non_retryable: [ABORTED, OUT_OF_STOCK]
          limits:
            mailbox: 1
            steps_in_flight: 2
            notifications: 3
            messages: 6
          default_history_range:
            after: 4
            limit: 5
            direction: backward
          idempotency_retention: 1h
          trace:
            level: all
            retention: 30d
          feed:
            enabled: true
            bodies: true
            retention: 12h
            max_bytes: 10GiB
      """
    let expected = Namespace(
      name: "orders",
      processor: ProcessorOptions(
        endpoint: "127.0.0.1:9000", timeout: 5_000_000, maxInFlight: 10, connections: 3),
      retryPolicy: RetryPolicy(
        initialInterval: 100_000, multiplier: 1.5, maxInterval: 60_000_000, maxAttempts: 0,
        jitter: 0.2, nonRetryable: ["ABORTED", "OUT_OF_STOCK"]),
      limits: Limits(mailbox: 1, stepsInFlight: 2, notifications: 3, messages: 6),
      defaultHistoryRange: HistoryRange(after: 4, limit: 5, direction: .backward),
      idempotencyRetention: 3_600_000_000,
      trace: TraceOptions(level: .all, retention: 30 * 86_400_000_000),
      feed: FeedOptions(
        isEnabled: true, hasBodies: true, retention: 43_200_000_000, maxBytes: 10 << 30))
    let configuration = try NodeConfiguration(file: (text: text, path: "p.yaml"))
    #expect(configuration.namespaces == [.define(expected)])
  }

  @Test("Each limit of a namespace is a setting")
  func limits() {
    for child in Mirror(reflecting: Limits()).children {
      let words = (child.label ?? "").map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }
      #expect(NamespaceSetting.named("limits." + words.joined()) != nil, "\(words.joined())")
    }
  }

  @Test("--namespace points a namespace at an endpoint, whatever the file says")
  func flags() throws {
    let file = (
      text: "namespaces:\n  - name: a\n    processor: {endpoint: \"h:1\"}\n", path: "p.yaml"
    )
    let configuration = try NodeConfiguration(
      flags: ["namespaces": ["a=h:2", "b=unix:/x=y"]], file: file)
    #expect(
      configuration.namespaces == [
        .define(Namespace(name: "a", processor: ProcessorOptions(endpoint: "h:2"))),
        .point(name: "b", endpoint: "unix:/x=y"),
      ])
    for variable in ["PROGRESSOR_NAMESPACES", "PROGRESSOR_NAMESPACE"] {
      #expect(
        try NodeConfiguration(environment: [variable: "a=h:1,b=h:2"]).namespaces == [
          .point(name: "a", endpoint: "h:1"), .point(name: "b", endpoint: "h:2"),
        ])
    }
    // The name of the client's namespace says nothing to the server.
    #expect(
      try NodeConfiguration(environment: ["PROGRESSOR_NAMESPACE": "orders"]).namespaces.isEmpty)
  }

  @Test(
    "a bad namespace is refused, naming its field",
    arguments: [
      ("namespaces: a", "list of namespaces"),
      ("namespaces:\n  - name: a", "processor.endpoint"),
      ("namespaces:\n  - {name: a, processor: {endpoint: nowhere}}", "processor.endpoint"),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\", connections: 65}}",
        "processor.connections: must be 0 to 64"
      ),
      ("namespaces:\n  - {processor: {endpoint: \"h:1\"}}", "name"),
      ("namespaces:\n  - {name: a, endpoint: \"h:1\"}", "unknown key"),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\", timeout: soon}}",
        "duration such as"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, "
          + "retry_policy: {multiplier: 0.5}}",
        "retry_policy.multiplier"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, retry_policy: {jitter: 2}}",
        "retry_policy.jitter"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, limits: {mailbox: 0}}",
        "limits.mailbox"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, "
          + "default_history_range: {direction: up}}", "forward or backward"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, trace: {level: most}}",
        "none, changes or all"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, trace: {retention: 0s}}",
        "trace.retention"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, feed: {enabled: on}}",
        "true or false"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, feed: {retention: 0s}}",
        "feed.retention"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}, feed: {max_bytes: -1}}",
        "size such as"
      ),
      (
        "namespaces:\n  - {name: a, processor: {endpoint: \"h:1\"}}\n"
          + "  - {name: a, processor: {endpoint: \"h:2\"}}", "two namespaces"
      ),
    ])
  func refused(text: String, problem: String) throws {
    let error = try #require(
      #expect(throws: ConfigurationError.self) {
        try NodeConfiguration(file: (text: text, path: "p.yaml"))
      })
    #expect(error.description.hasPrefix("p.yaml:"))
    #expect(error.description.contains(problem))
  }

  @Test("a --namespace that is none is refused", arguments: ["a", "=h:1", "a=", "a=nowhere"])
  func refusedFlag(text: String) throws {
    let error = try #require(
      #expect(throws: ConfigurationError.self) {
        try NodeConfiguration(flags: ["namespaces": [text]])
      })
    #expect(error.place == "--namespace")
  }
}
