import EmbeddedPostgreSQL
import PostgreSQL
import TestThreads
import Testing

@Suite(.ownThreads) struct HostsTests {
  @Test("A silent host costs its time once, not once per session")
  func silentHost() async throws {
    let silent = try SilentListener()
    let temporary = try await TemporaryServer.shared().createDatabase()
    let socket = try #require(temporary.split(separator: "'").dropFirst().first)
    let target = try ConnectionString(
      "host=127.0.0.1,\(socket) port=\(silent.port),5432 user=progressor dbname=postgres")
    let settings = ConnectionSettings(target: target, applicationName: "progressor-tests")
    let first = try Connection.open(settings)
    #expect(silent.connections() == 1)
    let second = try Connection.open(settings)
    #expect(silent.connections() == 0)
    #expect(first.isOpen && second.isOpen)
  }

  @Test("Hosts that are silent are tried again with what is left of the time, and all are named")
  func allSilent() throws {
    let silent = [try SilentListener(), try SilentListener()]
    let target = try ConnectionString(
      "host=127.0.0.1,127.0.0.1 port=\(silent[0].port),\(silent[1].port) user=x")
    var settings = ConnectionSettings(target: target, applicationName: "progressor-tests")
    settings.connectTimeout = .milliseconds(400)
    let error = failure { () throws(PostgreSQLError) in _ = try Connection.open(settings) }
    #expect(error?.scope == .connectFailed)
    for host in silent {
      #expect(error?.message.contains("\(host.port)") == true)
      #expect(host.connections() == 2)
    }
  }
}
