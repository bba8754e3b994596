import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

extension OnPostgreSQL {
  @Suite("Namespaces")
  struct NamespaceTests {
    static let full = Namespace(
      name: "pay/ü",
      processor: ProcessorOptions(
        endpoint: "dns:pay:1", timeout: 5_000_000, maxInFlight: 7, connections: 3),
      retryPolicy: RetryPolicy(
        initialInterval: 1, multiplier: 1.5, maxInterval: 9, maxAttempts: 0, jitter: 0.25,
        nonRetryable: ["INTERNAL", "CARD_BLOCKED"]),
      limits: Limits(mailbox: 0, stepsInFlight: 2, notifications: 3),
      defaultHistoryRange: HistoryRange(after: 1, limit: 2, direction: .backward),
      idempotencyRetention: 60_000_000)

    @Test("A namespace is read back with every option, and the engine is told before its creator")
    func create() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let record = try await test.storage.createNamespace(Self.full)
      var expected = Self.full
      expected.version = 1
      #expect(record.namespace == expected)
      let told = test.inbox.rest.compactMap { input -> [NamespaceRecord]? in
        if case .namespacesChanged(let records) = input { records } else { nil }
      }
      #expect(told.last == [record])
      #expect(try await test.storage.namespace(named: "pay/ü") == record)
      #expect(try await test.storage.listNamespaces() == [record])
    }

    @Test("A name can be created once, an unknown one is not found")
    func existing() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      _ = try await test.storage.createNamespace(Self.full)
      let exists = await #expect(throws: ProgressorError.self) {
        try await test.storage.createNamespace(Self.full)
      }
      #expect(exists?.code == .alreadyExists && exists?.reason == .namespaceAlreadyExists)
      let unknown = await #expect(throws: ProgressorError.self) {
        try await test.storage.namespace(named: "x")
      }
      #expect(unknown?.reason == .namespaceNotFound)
    }

    @Test("Setting the endpoint creates a namespace, or changes the endpoint and nothing else")
    func endpoint() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let new = try await test.storage.setEndpoint("host:1", ofNamespace: "new")
      #expect(
        new.namespace
          == Namespace(name: "new", processor: ProcessorOptions(endpoint: "host:1"), version: 1))
      let first = try await test.storage.createNamespace(Self.full)
      let changed = try await test.storage.setEndpoint("host:2", ofNamespace: "pay/ü")
      var expected = Self.full
      expected.processor.endpoint = "host:2"
      expected.version = 2
      #expect(changed.namespace == expected && changed.number == first.number)
      let same = try await test.storage.setEndpoint("host:2", ofNamespace: "pay/ü")
      #expect(same == changed)
    }

    @Test("Replacing gives exactly the options given; the version grows with a change only")
    func replace() async throws {
      let test = try await TestStorage.owner()
      defer { test.storage.stop() }
      let first = try await test.storage.replaceNamespace(Self.full)
      #expect(first.namespace.version == 1)
      #expect(try await test.storage.replaceNamespace(Self.full) == first)
      let plain = Namespace(name: "pay/ü", processor: ProcessorOptions(endpoint: "h:1"))
      let second = try await test.storage.replaceNamespace(plain)
      #expect(second.namespace.version == 2 && second.number == first.number)
      #expect(second.namespace.retryPolicy == RetryPolicy())
    }

    @Test("What another node changes is told to the engine")
    func otherNode() async throws {
      let test = try await TestStorage.owner { $0.namespaceInterval = .milliseconds(100) }
      defer { test.storage.stop() }
      _ = try test.connect().query(
        "INSERT INTO namespace (name, endpoint) VALUES ('theirs', 'h:1')", timeout: .seconds(10))
      try await test.inbox.next("news of namespaces") { input in
        if case .namespacesChanged(let records) = input,
          records.map(\.namespace.name) == ["theirs"]
        {
          ()
        } else {
          nil
        }
      }
    }
  }
}

@Suite("Validation of namespaces")
struct NamespaceValidationTests {
  @Test("The example with every option is valid")
  func valid() throws {
    try OnPostgreSQL.NamespaceTests.full.validate()
    try Namespace(name: "n", processor: ProcessorOptions(endpoint: "h:1")).validate()
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
      Mistake("namespace.retry_policy.initial_interval") { $0.retryPolicy.initialInterval = 0 },
      Mistake("namespace.retry_policy.max_interval") { $0.retryPolicy.maxInterval = -1 },
      Mistake("namespace.retry_policy.max_attempts") { $0.retryPolicy.maxAttempts = -1 },
      Mistake("namespace.retry_policy.multiplier") { $0.retryPolicy.multiplier = 0.5 },
      Mistake("namespace.retry_policy.multiplier") { $0.retryPolicy.multiplier = .nan },
      Mistake("namespace.retry_policy.jitter") { $0.retryPolicy.jitter = 1.1 },
      Mistake("namespace.retry_policy.non_retryable") { $0.retryPolicy.nonRetryable = [""] },
      Mistake("namespace.retry_policy.non_retryable") {
        $0.retryPolicy.nonRetryable = [String](repeating: "X", count: 101)
      },
      Mistake("namespace.limits.mailbox") { $0.limits.mailbox = -1 },
      Mistake("namespace.limits.steps_in_flight") { $0.limits.stepsInFlight = 0 },
      Mistake("namespace.limits.notifications") { $0.limits.notifications = -1 },
      Mistake("namespace.default_history_range.after") {
        $0.defaultHistoryRange = HistoryRange(after: -1)
      },
      Mistake("namespace.idempotency_retention") { $0.idempotencyRetention = 0 },
    ])
  func invalid(_ mistake: Mistake) {
    var namespace = OnPostgreSQL.NamespaceTests.full
    mistake.make(&namespace)
    let error = #expect(throws: ProgressorError.self) { try namespace.validate() }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.hasPrefix(mistake.testDescription + ":") == true)
  }
}
