import Testing

@testable import PostgreSQL

@Suite struct ConnectionStringTests {
  @Test("URL and keywords are understood, and the password is never shown")
  func understood() throws {
    let forms = [
      "postgresql://app:s3cret@db.example:5433/orders?sslmode=require",
      "host=db.example port=5433 user=app password=s3cret dbname=orders sslmode=require",
    ]
    for form in forms {
      let string = try ConnectionString(form)
      #expect(
        string.description
          == "dbname=orders host=db.example password=… port=5433 sslmode=require user=app")
    }
  }

  @Test(
    "A malformed one is refused without showing a piece of the password",
    arguments: [
      "postgres://app:s3cret%zz@host/db", "password=my s3cret host=x", "password=a s3cret=b",
      "postgres://app:s3cret@[::1/db",
    ])
  func malformed(text: String) {
    let error = failure { () throws(PostgreSQLError) in _ = try ConnectionString(text) }
    #expect(error?.scope == .configuration)
    #expect(error?.description.contains("s3cret") == false)
  }

  @Test("The unknown keyword is named when nothing secret can be in it")
  func unknownKeyword() {
    let error = failure { () throws(PostgreSQLError) in _ = try ConnectionString("hots=db") }
    #expect(error?.message.contains("hots") == true)
  }

  @Test("Each host of a list is an attempt of its own")
  func hosts() throws {
    let string = try ConnectionString("postgres://a:1,b:2/db")
    #expect(string.attempts.map { $0.options["host"] } == ["a", "b"])
    #expect(string.attempts.map { $0.options["port"] } == ["1", "2"])
    let shared = try ConnectionString("host=a,b,c port=7")
    #expect(shared.attempts.map { $0.options["port"] } == ["7", "7", "7"])
    #expect(try ConnectionString("dbname=db").attempts.count == 1)
  }

  @Test("The host that answered last is tried first, by every copy of the string")
  func lastGoodHost() throws {
    let string = try ConnectionString("postgres://a:1,b:2,c:3/db")
    let copy = string
    string.remember(string.attempts[2])
    #expect(copy.attempts.map { $0.options["host"] } == ["c", "a", "b"])
    #expect(copy.attempts.map { $0.options["port"] } == ["3", "1", "2"])
    string.remember(copy.attempts[2])
    #expect(copy.attempts.map { $0.options["host"] } == ["b", "a", "c"])
    #expect(try string == ConnectionString("postgres://a:1,b:2,c:3/db"))
  }

  @Test(
    "A server that cannot be written is of no use",
    arguments: ["standby", "read-only", "prefer-standby"])
  func standbys(demand: String) {
    let error = failure { () throws(PostgreSQLError) in
      _ = try ConnectionString("postgres://a,b/db?target_session_attrs=\(demand)")
    }
    #expect(error?.scope == .configuration)
    #expect(error?.message.contains("target_session_attrs=\(demand)") == true)
  }

  @Test("An address has its turn of a second, or of `connect_timeout`")
  func turns() throws {
    #expect(try ConnectionString("postgres://a,b/db").turn == .seconds(1))
    #expect(try ConnectionString("postgres://a,b/db?connect_timeout=3").turn == .seconds(3))
    #expect(try ConnectionString("host=a connect_timeout=0").turn == .seconds(1))
    #expect(try ConnectionString("host=a connect_timeout=-7").turn == .seconds(1))
  }
}
