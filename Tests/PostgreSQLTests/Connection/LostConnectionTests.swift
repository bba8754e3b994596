import EmbeddedPostgreSQL
import Glibc
import PostgreSQL
import TestThreads
import Testing

@Suite(.ownThreads) struct LostConnectionTests {
  @Test("An answer that does not come in time leaves the outcome unknown and closes the session")
  func timeout() async throws {
    let connection = try await TestDatabase().connect()
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.query("SELECT pg_sleep(60)", timeout: .milliseconds(100))
    }
    #expect(error?.scope == .timeout)
    #expect(error?.isOutcomeUnknown == true)
    #expect(!connection.isOpen)
    let later = failure { () throws(PostgreSQLError) in
      _ = try connection.query("SELECT 1", timeout: .seconds(1))
    }
    #expect(later?.scope == .connectionLost)
  }

  @Test("A session that an administrator ends is lost, whether idle or at work")
  func terminated() async throws {
    let database = try await TestDatabase()
    let admin = try database.connect()
    let idle = try database.connect()
    var parameters = Parameters()
    parameters.append(idle.backend.processID)
    #expect(try admin.scalar("SELECT pg_terminate_backend($1, 5000)", parameters))
    let error = failure { () throws(PostgreSQLError) in
      _ = try idle.query("SELECT 1", timeout: .seconds(10))
    }
    #expect(error?.scope == .connectionLost)
    #expect(!idle.isOpen)

    let busy = try database.connect()
    let suicide = failure { () throws(PostgreSQLError) in
      _ = try busy.query(
        "SELECT pg_terminate_backend(pg_backend_pid(), 0), pg_sleep(60)", timeout: .seconds(10))
    }
    #expect(suicide?.scope == .connectionLost)
    #expect(suicide?.sqlState?.code == "57P01")
  }

  @Test("A new session prepares its statements again")
  func preparedAgain() async throws {
    let database = try await TestDatabase()
    let statement = PreparedStatement(name: "one", sql: "SELECT 1", parameterTypes: [])
    var pipeline = Pipeline()
    pipeline.append(statement)
    for _ in 0..<2 {
      let connection = try database.connect()
      #expect(try connection.run(pipeline, timeout: .seconds(10)).count == 1)
      let sql = "SELECT count(*) FROM pg_prepared_statements"
      #expect(try connection.scalar(sql) == 1 as Int64)
    }
  }

  @Test(
    "After the server was killed, a new session finds what was committed", .timeLimit(.minutes(1)))
  func serverKilled() async throws {
    let temporary = try await TemporaryServer(prefix: "progressor-killed")
    do {
      try await killAndReconnect(temporary)
    } catch {
      Issue.record(error)
    }
    await temporary.stop()
  }

  private func killAndReconnect(_ temporary: TemporaryServer) async throws {
    let settings = ConnectionSettings(
      target: try ConnectionString(try await temporary.createDatabase()),
      applicationName: "progressor-tests")
    let connection = try Connection.open(settings)
    try connection.runScript("CREATE TABLE a (i int)", timeout: .seconds(10))
    let facts = try ServerFacts.read(from: connection, timeout: .seconds(10))
    kill(try #require(temporary.cluster.processID), SIGKILL)
    let error = failure { () throws(PostgreSQLError) in
      while true { _ = try connection.query("SELECT 1", timeout: .seconds(10)) }
    }
    #expect(error?.scope == .connectionLost)

    let thread = try ConnectionThread<Int>(name: "again", settings: settings, capacity: 1) {
      session in
      let connection = session.connect(backoff: Backoff()) { _, _ in true }
      #expect(connection != nil)
      do {
        let again = try #require(connection)
        let now = try ServerFacts.read(from: again, timeout: .seconds(10))
        #expect(now.continuity(since: facts) == .unbroken)
        #expect(try again.scalar("SELECT count(*) FROM a") == 0 as Int64)
      } catch {
        Issue.record(error)
      }
    }
    thread.join()
  }
}
