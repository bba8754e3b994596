import PostgreSQL
import Testing

@Suite struct SQLStateTests {
  @Test(
    "Data exceptions, constraint violations, program limits and a wrong count are the data's fault",
    arguments: ["22012", "22P03", "23505", "23514", "54000", "PGF02"])
  func dataFaults(code: String) throws {
    let state = try #require(SQLState(code))
    #expect(state.isDataFault)
    #expect(!state.isRetryable && !state.isUnavailable)
  }

  @Test("Serialization failures and deadlocks may be repeated", arguments: ["40001", "40P01"])
  func retryable(code: String) throws {
    let state = try #require(SQLState(code))
    #expect(state.isRetryable)
    #expect(!state.isDataFault && !state.isUnavailable)
  }

  @Test(
    "Everything else means that the storage is unavailable and nobody's step is at fault",
    arguments: [
      "53100", "53200", "57014", "57P01", "58030", "08006", "25006", "55P03", "XX000", "42P01",
    ])
  func unavailable(code: String) throws {
    let state = try #require(SQLState(code))
    #expect(state.isUnavailable)
    #expect(!state.isDataFault && !state.isRetryable)
  }

  @Test("A lost fence is neither the data's fault nor to be repeated nor an outage")
  func fenced() {
    #expect(SQLState("PGF01") == .fenced)
    #expect(!SQLState.fenced.isDataFault)
    #expect(!SQLState.fenced.isRetryable)
    #expect(!SQLState.fenced.isUnavailable)
  }

  @Test(
    "What is not five digits or capitals is no SQLSTATE",
    arguments: ["", "2301", "235055", "2350é", "abcde"])
  func invalid(code: String) {
    #expect(SQLState(code) == nil)
  }
}
