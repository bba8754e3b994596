import EmbeddedPostgreSQL
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
      limits: Limits(mailbox: 1, stepsInFlight: 2, notifications: 3, messages: 4),
      defaultHistoryRange: HistoryRange(after: 1, limit: 2, direction: .backward),
      idempotencyRetention: 60_000_000, trace: TraceOptions(level: .all, retention: 1),
      feed: FeedOptions(isEnabled: true, hasBodies: true, retention: 2, maxBytes: 1 << 40))

    @Test("A namespace is read back with every option, and the engine is told before its creator")
    func create() async throws {
      let test = try await TestStorage.owner(namespace: false)
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
      let test = try await TestStorage.owner(namespace: false)
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

    @Test("Names that only look alike are two namespaces, and neither answers for the other")
    func lookalikes() async throws {
      let test = try await TestStorage.owner(namespace: false)
      defer { test.storage.stop() }
      let names = ["caf\u{E9}", "cafe\u{301}"]
      let first = try await test.storage.setEndpoint("host:1", ofNamespace: names[0])
      await #expect(throws: ProgressorError.self) {
        try await test.storage.namespace(named: names[1])
      }
      let second = try await test.storage.setEndpoint("host:2", ofNamespace: names[1])
      #expect(first.number != second.number)
      #expect(second.namespace.processor.endpoint == "host:2")
      #expect(try await test.storage.namespace(named: names[0]) == first)
      #expect(try await test.storage.setPause("x", ofNamespace: names[1]).number == second.number)
    }

    @Test("Setting the endpoint creates a namespace, or changes the endpoint and nothing else")
    func endpoint() async throws {
      let test = try await TestStorage.owner(namespace: false)
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

    @Test("An endpoint that is too long beside the stored TLS is refused, and the row stays")
    func endpointBesideTLS() async throws {
      let test = try await TestStorage.owner(namespace: false)
      defer { test.storage.stop() }
      var namespace = Self.full
      namespace.processor.tls = ProcessorTLS(caFile: String(repeating: "f", count: 900))
      let stored = try await test.storage.createNamespace(namespace)
      let long = String(repeating: "h", count: 200) + ":1"
      let error = await #expect(throws: ProgressorError.self) {
        try await test.storage.setEndpoint(long, ofNamespace: namespace.name)
      }
      #expect(error?.code == .invalidArgument && error?.message.contains("processor.tls") == true)
      #expect(try await test.storage.namespace(named: namespace.name) == stored)
    }

    @Test("Replacing gives exactly the options given; the version grows with a change only")
    func replace() async throws {
      let test = try await TestStorage.owner(namespace: false)
      defer { test.storage.stop() }
      let first = try await test.storage.replaceNamespace(Self.full)
      #expect(first.namespace.version == 1)
      #expect(try await test.storage.replaceNamespace(Self.full) == first)
      let plain = Namespace(name: "pay/ü", processor: ProcessorOptions(endpoint: "h:1"))
      let second = try await test.storage.replaceNamespace(plain)
      var expected = plain
      expected.version = 2
      #expect(second.namespace == expected && second.number == first.number)
      expected = Self.full
      expected.version = 3
      #expect(try await test.storage.replaceNamespace(Self.full).namespace == expected)
    }

    @Test("A damaged row hides no others: what was known stays, and who asks for it hears why")
    func damaged() async throws {
      let test = try await TestStorage.owner(namespace: false) {
        $0.namespaceInterval = .milliseconds(50)
      }
      defer { test.storage.stop() }
      let bad = try await test.storage.createNamespace(Self.full)
      let good = try await test.storage.setEndpoint("h:1", ofNamespace: "a")
      let connection = try test.connect()
      for damage in [
        "retry_jitter = 'NaN'", "limit_mailbox = -1", "max_in_flight = -7",
        "history_direction = 9, history_after = 0",
        "paused_at = 'infinity', pause_reason = 'r'",
        "retry_non_retryable = ARRAY[NULL]", "processor_timeout = -9223372036854775808",
        "feed_retention = 0", "feed_max_bytes = -1",
      ] {
        try connection.runScript(
          "UPDATE namespace SET \(damage) WHERE name = 'pay/ü'", timeout: .seconds(10))
        #expect(try await test.storage.listNamespaces() == [good], "\(damage)")
        let error = await #expect(throws: ProgressorError.self) {
          try await test.storage.namespace(named: "pay/ü")
        }
        #expect(error?.code == .internal && error?.message.contains("cannot be read") == true)
        // Resuming and replacing mend what they write.
        if damage.contains("paused") {
          _ = try await test.storage.setPause(nil, ofNamespace: "pay/ü")
        } else {
          _ = try await test.storage.replaceNamespace(Self.full)
        }
        #expect(try await test.storage.listNamespaces().count == 2, "\(damage)")
      }
      let told = test.inbox.rest.compactMap { input -> [NamespaceRecord]? in
        if case .namespacesChanged(let records) = input { records } else { nil }
      }
      let afterwards = told.drop { $0.count < 2 }
      #expect(afterwards.count >= 1)
      for records in afterwards {
        #expect(Set(records.map(\.number)) == [bad.number, good.number])
        #expect(records.allSatisfy { $0.namespace.pause == nil })
      }
    }

    @Test("A namespace that was damaged before the start is paused, with the cause")
    func damagedAtStart() async throws {
      let database = try await TemporaryServer.shared().createDatabase()
      let before = try TestStorage(database: database, namespace: false)
      _ = try await before.storage.createNamespace(Self.full)
      _ = try await before.storage.setEndpoint("h:1", ofNamespace: "a")
      try before.connect().runScript(
        "UPDATE namespace SET retry_jitter = 7 WHERE name = 'pay/ü'", timeout: .seconds(10))
      before.storage.stop()
      let test = try TestStorage(database: database, namespace: false)
      defer { test.storage.stop() }
      let records = try await test.inbox.next("news of namespaces") { input in
        if case .namespacesChanged(let records) = input { records } else { nil }
      }
      #expect(records.map(\.namespace.name) == ["a", "pay/ü"])
      #expect(records[0].namespace.pause == nil)
      #expect(records[1].namespace.pause?.reason.contains("retry_policy.jitter") == true)
      #expect(try await test.storage.listNamespaces().map(\.namespace.name) == ["a"])
    }

    @Test("A row that PostgreSQL itself cannot read hides no others")
    func damagedPage() async throws {
      let test = try await TestStorage.owner(namespace: false)
      defer { test.storage.stop() }
      _ = try await test.storage.createNamespace(Self.full)
      let good = try await test.storage.setEndpoint("h:1", ofNamespace: "a")
      try test.connect().runScript(
        """
        CREATE FUNCTION lost(number int, value text) RETURNS text STABLE LANGUAGE plpgsql AS $$
        BEGIN
          IF number = 1 THEN RAISE 'invalid page' USING ERRCODE = 'XX001'; END IF;
          RETURN value;
        END $$;
        ALTER TABLE namespace RENAME TO sound;
        ALTER TABLE sound RENAME endpoint TO intact;
        CREATE VIEW namespace AS SELECT *, lost(number, intact) AS endpoint FROM sound;
        """, timeout: .seconds(10))
      #expect(try await test.storage.listNamespaces() == [good])
      let error = await #expect(throws: ProgressorError.self) {
        try await test.storage.namespace(named: "pay/ü")
      }
      #expect(error?.code == .internal && error?.message.contains("invalid page") == true)
    }

    @Test("What another node changes is told to the engine")
    func otherNode() async throws {
      let test = try await TestStorage.owner(namespace: false) {
        $0.namespaceInterval = .milliseconds(100)
      }
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

    @Test("That they cannot be read for long is said once, and so is that they can again")
    func unreadable() async throws {
      let test = try await TestStorage.owner(namespace: false) {
        $0.namespaceInterval = .milliseconds(50)
      }
      defer { test.storage.stop() }
      let connection = try test.connect()
      let record = try await test.storage.createNamespace(Self.full)
      try connection.runScript("ALTER TABLE namespace RENAME TO gone", timeout: .seconds(10))
      try await eventually("said") { test.log.count("namespaces cannot be read") > 0 }
      // Its new session is kept: it asks again and again.
      let reader =
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        + " AND application_name = 'progressor/namespaces'"
      try connection.waitUntil("(\(reader.replacing("SELECT", with: "SELECT count(*)"))) = 1")
      let session: Int32 = try connection.scalar(
        reader.replacing("SELECT", with: "SELECT pid"))
      for _ in 1...3 {
        let last: String = try connection.scalar("SELECT clock_timestamp()::text")
        try connection.waitUntil(
          "EXISTS (\(reader) AND pid = \(session) AND state = 'idle' AND query_start > '\(last)')")
      }
      try connection.runScript("ALTER TABLE gone RENAME TO namespace", timeout: .seconds(10))
      try await eventually("said") { test.log.count("namespaces can be read again") > 0 }
      #expect(test.log.count("namespaces cannot be read") == 1)
      #expect(try await test.storage.namespace(named: "pay/ü") == record)
    }
  }
}
