import PostgreSQL
import TestThreads
import Testing

private let insert = PreparedStatement(
  name: "insert", sql: "INSERT INTO item SELECT * FROM unnest($1::int8[], $2::bytea[])",
  parameterTypes: [SQLType.int8.array, SQLType.bytea.array].compactMap { $0 })
private let select = PreparedStatement(
  name: "select", sql: "SELECT id, body FROM item WHERE id = ANY($1) ORDER BY id",
  parameterTypes: [SQLType.int8.array].compactMap { $0 })

/// A database with the table `item`.
private func makeDatabase() async throws -> TestDatabase {
  let database = try await TestDatabase()
  try database.connect().runScript(
    "CREATE TABLE item (id int8 PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, body bytea)",
    timeout: .seconds(10))
  return database
}

private func insertion(of ids: some Collection<Int64>, bytes: Int = 3) -> Parameters {
  var parameters = Parameters()
  parameters.appendArray(ids)
  parameters.appendArray(ids) { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: bytes) }
  return parameters
}

private func selection(of ids: some Collection<Int64>) -> Parameters {
  var parameters = Parameters()
  parameters.appendArray(ids)
  return parameters
}

@Suite(.ownThreads) struct PipelineTests {
  @Test("All statements up to the Sync are one transaction with one result each")
  func success() async throws {
    let database = try await makeDatabase()
    let connection = try database.connect()
    for round in 0..<3 as Range<Int64> {
      var pipeline = Pipeline()
      pipeline.append(insert, insertion(of: [round * 2, round * 2 + 1]))
      pipeline.append(select, selection(of: [round * 2 + 1]))
      pipeline.append(sql: "SELECT txid_current() = txid_current()")
      let results = try connection.run(pipeline, timeout: .seconds(10))
      #expect(results.count == 3)
      #expect(results[0].affectedRows == 2)
      #expect(try results[1].onlyRow().value(0) == round * 2 + 1)
    }
    #expect(try database.connect().scalar("SELECT count(*) FROM item") == 6 as Int64)
  }

  @Test("A statement that fails rolls back those before it and skips those behind it")
  func failureInTheMiddle() async throws {
    let connection = try await makeDatabase().connect()
    var pipeline = Pipeline()
    pipeline.append(insert, insertion(of: [1]))
    pipeline.append(sql: "SELECT 1/0")
    pipeline.append(insert, insertion(of: [2]))
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.run(pipeline, timeout: .seconds(10))
    }
    #expect(error?.scope == .statement)
    #expect(error?.sqlState?.code == "22012")
    #expect(error?.statementIndex == 1)
    #expect(error?.isOutcomeUnknown == false)
    #expect(try connection.scalar("SELECT count(*) FROM item") == 0 as Int64)
  }

  @Test("An error of the commit itself is no success, and belongs to no statement")
  func failureOfTheCommit() async throws {
    let connection = try await makeDatabase().connect()
    var pipeline = Pipeline()
    pipeline.append(insert, insertion(of: [1]))
    pipeline.append(insert, insertion(of: [1]))
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.run(pipeline, timeout: .seconds(10))
    }
    #expect(error?.scope == .statement)
    #expect(error?.sqlState?.code == "23505")
    #expect(error?.statementIndex == nil)
    #expect(try connection.scalar("SELECT count(*) FROM item") == 0 as Int64)
  }

  @Test("A raised SQLSTATE of our own arrives as it is")
  func ownState() async throws {
    let connection = try await makeDatabase().connect()
    var pipeline = Pipeline()
    pipeline.append(sql: "DO $$ BEGIN RAISE 'taken over' USING ERRCODE = 'OWN01'; END $$")
    pipeline.append(insert, insertion(of: [1]))
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.run(pipeline, timeout: .seconds(10))
    }
    #expect(error?.sqlState?.code == "OWN01")
    #expect(error?.message == "taken over")
  }

  @Test(
    "Batches larger than every buffer, in both directions at once, do not block",
    .timeLimit(.minutes(1)))
  func largeBothWays() async throws {
    let connection = try await makeDatabase().connect()
    let ids = 0..<2_000 as Range<Int64>
    var pipeline = Pipeline()
    pipeline.append(insert, insertion(of: ids, bytes: 8_000))
    for _ in 0..<4 {
      pipeline.append(select, selection(of: ids))
      pipeline.append(
        sql: "SELECT length($1::bytea)",
        {
          var parameters = Parameters()
          parameters.append([UInt8](repeating: 7, count: 4 << 20))
          return parameters
        }())
    }
    let results = try connection.run(pipeline, timeout: .seconds(50))
    #expect(results.count == 9)
    for index in [1, 3, 5, 7] {
      #expect(results[index].count == 2_000)
      #expect(try results[index][1_999].value(1, as: [UInt8].self).count == 8_000)
      #expect(try results[index + 1].onlyRow().value(0) == Int32(4 << 20))
    }
  }

  @Test("A statement that could not be prepared can be prepared later, and its fellows stay")
  func prepareFailure() async throws {
    let connection = try await TestDatabase().connect()
    let one = PreparedStatement(name: "one", sql: "SELECT 1", parameterTypes: [])
    let late = PreparedStatement(name: "late", sql: "SELECT count(*) FROM late", parameterTypes: [])
    var pipeline = Pipeline()
    pipeline.append(one)
    pipeline.append(late)
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.run(pipeline, timeout: .seconds(10))
    }
    #expect(error?.sqlState?.code == "42P01")
    #expect(error?.message.contains("late") == true)
    try connection.runScript("CREATE TABLE late (i int)", timeout: .seconds(10))
    #expect(try connection.run(pipeline, timeout: .seconds(10)).count == 2)
  }

  @Test("Parameters of other types than the statement has are refused before anything is sent")
  func otherTypes() async throws {
    let connection = try await makeDatabase().connect()
    var parameters = Parameters()
    parameters.appendArray([SQLTimestamp(microseconds: 1)])
    var pipeline = Pipeline()
    pipeline.append(select, parameters)
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.run(pipeline, timeout: .seconds(10))
    }
    #expect(error?.scope == .configuration)
    #expect(try connection.scalar("SELECT 1") == 1 as Int32)
  }

  @Test("An empty value is not NULL, alone or beside others")
  func emptyValue() async throws {
    let connection = try await TestDatabase().connect()
    var parameters = Parameters()
    parameters.append("")
    #expect(try connection.scalar("SELECT $1::text = ''", parameters))
    parameters.append([] as [UInt8])
    parameters.append(nil as String?)
    let sql = "SELECT $1::text = '' AND $2::bytea = '' AND $3::text IS NULL"
    #expect(try connection.scalar(sql, parameters))
  }

  @Test("An empty pipeline has no results")
  func empty() async throws {
    let connection = try await TestDatabase().connect()
    #expect(try connection.run(Pipeline(), timeout: .seconds(1)).isEmpty)
  }
}
