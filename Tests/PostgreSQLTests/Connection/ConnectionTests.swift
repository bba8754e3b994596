import EmbeddedPostgreSQL
import Glibc
import PostgreSQL
import TestThreads
import Testing

@Suite(.ownThreads) struct ConnectionTests {
  @Test("A session has the parameters that commits and plans depend on")
  func sessionParameters() async throws {
    let database = try await TestDatabase()
    let admin = try database.connect()
    try admin.runScript(
      "ALTER ROLE progressor SET synchronous_commit = off", timeout: .seconds(10))
    defer {
      try? admin.runScript(
        "ALTER ROLE progressor RESET synchronous_commit", timeout: .seconds(10))
    }
    var settings = try database.settings()
    settings.lockTimeout = .milliseconds(1500)
    settings.statementTimeout = .seconds(7)
    settings.sessionParameters = ["work_mem": "8MB"]
    let connection = try Connection.open(settings)
    for (name, value) in [
      "synchronous_commit": "on", "plan_cache_mode": "force_generic_plan",
      "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
      "lock_timeout": "1500ms", "statement_timeout": "7s", "work_mem": "8MB",
      "application_name": "progressor-tests", "client_encoding": "UTF8",
    ] {
      #expect(try connection.scalar("SHOW \(name)") == value, "\(name)")
    }
    #expect(try connection.scalar("SELECT pg_backend_pid()") == connection.backend.processID)
    #expect(connection.backend.startedAt.microseconds > 1_600_000_000_000_000)
  }

  @Test("A session that somebody else has used is shared, whoever serves it")
  func sharedSession() async throws {
    let connection = try await TestDatabase().connect()
    let own = try ServerFacts.read(from: connection, timeout: .seconds(10))
    #expect(!own.isPooled && own.refusals.isEmpty)
    _ = try connection.query("RESET ALL", timeout: .seconds(10))
    let shared = try ServerFacts.read(from: connection, timeout: .seconds(10))
    #expect(shared.isPooled && shared.refusals.count == 1)
  }

  @Test("A parameter that the server refuses is a mistake of the configuration")
  func refusedParameter() async throws {
    var settings = try await TestDatabase().settings()
    settings.sessionParameters = ["no_such_parameter": "1"]
    let error = failure { () throws(PostgreSQLError) in _ = try Connection.open(settings) }
    #expect(error?.scope == .configuration)
    #expect(error?.message.contains("no_such_parameter") == true)
  }

  @Test("Where nobody listens, the error names the address")
  func refused() throws {
    let target = try ConnectionString("host=127.0.0.1 port=1 dbname=db user=nobody")
    let settings = ConnectionSettings(target: target, applicationName: "progressor-tests")
    let error = failure { () throws(PostgreSQLError) in _ = try Connection.open(settings) }
    #expect(error?.scope == .connectFailed)
    #expect(error?.isOutcomeUnknown == false)
    #expect(error?.message.contains("127.0.0.1") == true)
  }

  @Test("A host that accepts and never answers is left after the time limit for the next host")
  func silentHost() async throws {
    let silent = try SilentListener()
    let temporary = try await TemporaryServer.shared().createDatabase()
    let socket = try #require(temporary.split(separator: "'").dropFirst().first)
    let target = try ConnectionString(
      "host=127.0.0.1,\(socket) port=\(silent.port),5432 user=progressor dbname=postgres")
    var settings = ConnectionSettings(target: target, applicationName: "progressor-tests")
    settings.connectTimeout = .milliseconds(300)
    let before = ContinuousClock.now
    let connection = try Connection.open(settings)
    #expect(try connection.scalar("SELECT 1") == 1 as Int32)
    // Of two hosts a quarter at first, and a quarter when they are tried again.
    #expect(before.duration(to: .now) >= .milliseconds(75))
  }

  @Test("A script runs as one transaction")
  func script() async throws {
    let connection = try await TestDatabase().connect()
    try connection.runScript(
      "CREATE TABLE a (i int); INSERT INTO a VALUES (1), (2);", timeout: .seconds(10))
    let error = failure { () throws(PostgreSQLError) in
      try connection.runScript(
        "INSERT INTO a VALUES (3); SELECT 1/0; INSERT INTO a VALUES (4)", timeout: .seconds(10))
    }
    #expect(error?.sqlState?.code == "22012")
    #expect(try connection.scalar("SELECT count(*) FROM a") == 2 as Int64)
  }

  @Test("The facts of a durable primary give no reason to refuse it")
  func serverFacts() async throws {
    let database = try await TestDatabase()
    let connection = try database.connect()
    let before = try ServerFacts.read(from: connection, timeout: .seconds(10))
    #expect(before.refusals == [])
    #expect(before.timeline == 1)
    #expect(before.systemIdentifier != 0)
    try connection.runScript("CREATE TABLE a (i int)", timeout: .seconds(10))
    let after = try ServerFacts.read(from: database.connect(), timeout: .seconds(10))
    #expect(after.flushedPosition > before.flushedPosition)
    #expect(after.continuity(since: before) == .unbroken)
    guard case .wentBack = before.continuity(since: after) else {
      Issue.record("an earlier WAL position is a database that went back")
      return
    }
  }
}

/// A TCP port on the loopback that takes connections and never says anything.
final class SilentListener {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = self.descriptor
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && listen(descriptor, 5) == 0
          && getsockname(descriptor, address, &length) == 0
      }
    }
    try #require(isListening)
    port = UInt16(bigEndian: address.sin_port)
  }

  /// How many connections have come since the last look.
  func connections() -> Int {
    var count = 0
    while true {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 0) == 1 else { return count }
      close(accept(descriptor, nil, nil))
      count += 1
    }
  }

  deinit {
    close(descriptor)
  }
}
