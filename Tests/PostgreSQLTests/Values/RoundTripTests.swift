import PostgreSQL
import TestThreads
import Testing

/// Each value goes to the server and comes back; the server also compares it with its own reading
/// of the same value as text.
@Suite(.ownThreads) struct RoundTripTests {
  private func roundTrip<Value: SQLValue & Equatable>(
    _ values: [(value: Value, literal: String)], type: String
  ) async throws {
    let connection = try await TestDatabase().connect()
    for (value, literal) in values {
      var parameters = Parameters()
      parameters.append(value)
      parameters.append(literal)
      let row = try connection.query(
        "SELECT $1::\(type), $1::\(type) = $2::text::\(type)", parameters, timeout: .seconds(10)
      ).onlyRow()
      #expect(try row.value(0, as: Value.self) == value)
      #expect(try row.value(1, as: Bool.self), "the server reads \(literal) otherwise")
    }
    var parameters = Parameters()
    parameters.appendArray(of: Value.self) { array in
      for (value, _) in values {
        array.append(value)
        array.append(nil)
      }
    }
    parameters.appendArray(of: Value.self) { _ in }
    parameters.append(nil as Value?)
    let row = try connection.query(
      "SELECT $1::\(type)[], $2::\(type)[], $3::\(type), array_length($1, 1)", parameters,
      timeout: .seconds(10)
    ).onlyRow()
    #expect(try row.arrayOfOptionals(0) == values.flatMap { [$0.value, nil] })
    #expect(try row.array(1, of: Value.self) == [])
    #expect(try row.optional(2, as: Value.self) == nil)
    #expect(try row.value(3, as: Int32.self) == Int32(2 * values.count))
  }

  @Test("Integers of all sizes survive, extremes included")
  func integers() async throws {
    try await roundTrip([(Int16.min, "-32768"), (0, "0"), (.max, "32767")], type: "int2")
    try await roundTrip([(Int32.min, "-2147483648"), (-1, "-1")], type: "int4")
    try await roundTrip(
      [(Int64.min, "-9223372036854775808"), (.max, "9223372036854775807")], type: "int8")
  }

  @Test("Doubles, infinity and tiny ones included, survive")
  func doubles() async throws {
    try await roundTrip(
      [(0.1, "0.1"), (-.infinity, "-Infinity"), (.leastNonzeroMagnitude, "5e-324")], type: "float8")
  }

  @Test("Booleans survive")
  func booleans() async throws {
    try await roundTrip([(true, "true"), (false, "false")], type: "bool")
  }

  @Test("Text survives: empty, Unicode, quotes and braces")
  func text() async throws {
    let texts = ["", "Zażółć gęślą jaźń 🦔", "{\"a\",NULL}", "NULL", "\u{1}\u{10FFFF}"]
    try await roundTrip(texts.map { ($0, $0) }, type: "text")
  }

  @Test("Bytes survive: empty, zeroes, every value")
  func bytes() async throws {
    let all = [UInt8](0...255)
    let digits = all.map { (($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
    try await roundTrip([([], "\\x"), ([0], "\\x00"), (all, "\\x" + digits)], type: "bytea")
  }

  @Test("UUIDs survive, and print as the server prints them")
  func uuids() async throws {
    let random = SQLUUID.random()
    let known = SQLUUID(high: 0x0123_4567_89ab_cdef, low: 0x0011_2233_4455_6677)
    #expect(known.description == "01234567-89ab-cdef-0011-223344556677")
    try await roundTrip([(random, random.description), (known, known.description)], type: "uuid")
  }

  @Test("Timestamps count microseconds from 1970")
  func timestamps() async throws {
    try await roundTrip(
      [
        (SQLTimestamp(microseconds: 0), "1970-01-01 00:00:00Z"),
        (SQLTimestamp(microseconds: 1_700_000_000_123_456), "2023-11-14 22:13:20.123456Z"),
        (SQLTimestamp(microseconds: -1), "1969-12-31 23:59:59.999999Z"),
        (SQLTimestamp(microseconds: .max), "294247-01-10 04:00:54.775807Z"),
      ], type: "timestamptz")
  }

  @Test("A timestamp out of range is refused by the server as the data's fault")
  func timestampOutOfRange() async throws {
    let connection = try await TestDatabase().connect()
    var parameters = Parameters()
    parameters.append(SQLTimestamp(microseconds: .min))
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.query("SELECT $1::timestamptz", parameters, timeout: .seconds(10))
    }
    #expect(error?.sqlState?.code == "22008")
  }

  @Test("Text with a NUL is refused by the server as the data's fault")
  func textWithNUL() async throws {
    let connection = try await TestDatabase().connect()
    var parameters = Parameters()
    parameters.append("a\0b")
    let error = failure { () throws(PostgreSQLError) in
      _ = try connection.query("SELECT $1::text", parameters, timeout: .seconds(10))
    }
    #expect(error?.sqlState?.isDataFault == true)
    #expect(connection.isOpen)
  }

  @Test("A wrong type, NULL, column or number of rows is an error and no trap")
  func wrongReading() async throws {
    let connection = try await TestDatabase().connect()
    let result = try connection.query("SELECT 1, NULL::int4", timeout: .seconds(10))
    let row = try result.onlyRow()
    for scope in [
      failure { () throws(PostgreSQLError) in _ = try row.value(0, as: Int64.self) },
      failure { () throws(PostgreSQLError) in _ = try row.value(1, as: Int32.self) },
      failure { () throws(PostgreSQLError) in _ = try row.value(2, as: Int32.self) },
      failure { () throws(PostgreSQLError) in _ = try row.value(-1, as: Int32.self) },
      failure { () throws(PostgreSQLError) in _ = try row.array(0, of: Int32.self) },
      failure { () throws(PostgreSQLError) in _ = try result[7].value(0, as: Int32.self) },
    ].map({ $0?.scope }) {
      #expect(scope == .unexpectedValue)
    }
    let rows = try connection.query("SELECT generate_series(1, 3)", timeout: .seconds(10))
    #expect(failure { () throws(PostgreSQLError) in _ = try rows.onlyRow() } != nil)
    #expect(try rows.map { try $0.value(0, as: Int32.self) } == [1, 2, 3])
  }
}
