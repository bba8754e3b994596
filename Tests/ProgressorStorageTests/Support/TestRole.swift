import EmbeddedPostgreSQL
import PostgreSQL

@testable import ProgressorStorage

/// A role of its own on a new database, with no more rights than a test gives it.
struct TestRole {
  /// The address of the database for the role, and for the superuser.
  let database: String
  let administration: String
  let name: String

  init(_ options: String = "") async throws {
    administration = try await TemporaryServer.shared().createDatabase()
    name = "role_\(SQLUUID.random())".replacing("-", with: "_")
    let name = name
    database = administration.split(separator: " ").map {
      $0.hasPrefix("user=") ? "user=\(name)" : String($0)
    }.joined(separator: " ")
    try run("CREATE ROLE \(name) LOGIN \(options)")
  }

  /// Runs statements as the superuser; `ROLE_NAME` stands for the name.
  func run(_ sql: String) throws {
    let connection = try Connection.open(
      TestStorage.settings(administration, name: "administration"))
    defer { connection.close() }
    try connection.runScript(sql.replacing("ROLE_NAME", with: name), timeout: .seconds(10))
  }

  /// What the role needs to make the schema.
  func mayCreate() throws {
    try run(
      """
      DO $$ BEGIN
        EXECUTE 'GRANT CREATE ON DATABASE ' || current_database() || ' TO ROLE_NAME';
      END $$
      """)
  }
}
