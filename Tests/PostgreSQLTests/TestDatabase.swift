import EmbeddedPostgreSQL
import PostgreSQL

/// An empty database of this process's temporary cluster.
struct TestDatabase {
  let connectionString: String

  init() async throws {
    connectionString = try await TemporaryServer.shared().createDatabase()
  }

  func settings() throws -> ConnectionSettings {
    ConnectionSettings(
      target: try ConnectionString(connectionString), applicationName: "progressor-tests")
  }

  func connect() throws -> Connection {
    try Connection.open(settings())
  }
}

extension Connection {
  /// The only value of the only row.
  func scalar<Value: SQLValue>(
    _ sql: String, _ parameters: Parameters = Parameters(), as _: Value.Type = Value.self
  ) throws -> Value {
    try query(sql, parameters, timeout: .seconds(10)).onlyRow().value(0)
  }
}

/// What `body` throws, or nil.
func failure(_ body: () throws(PostgreSQLError) -> Void) -> PostgreSQLError? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}
