import PostgreSQL
import Testing

@Suite struct SQLStateTests {
  @Test(
    "Data exceptions, constraint violations and program limits are the data's fault",
    arguments: ["22012", "22P03", "23505", "23514", "54000"])
  func dataFaults(code: String) throws {
    let state = try #require(SQLState(code))
    #expect(state.isDataFault)
    #expect(!state.isRetryable)
  }

  @Test("Serialization failures and deadlocks may be repeated", arguments: ["40001", "40P01"])
  func retryable(code: String) throws {
    let state = try #require(SQLState(code))
    #expect(state.isRetryable)
    #expect(!state.isDataFault)
  }

  @Test(
    "Everything else is neither the data's fault nor bad luck, a state of somebody's own included",
    arguments: [
      "53100", "53200", "57014", "57P01", "58030", "08006", "25006", "55P03", "XX000", "42P01",
      "OWN01",
    ])
  func neither(code: String) throws {
    let state = try #require(SQLState(code))
    #expect(!state.isDataFault && !state.isRetryable)
  }

  @Test(
    "What is not five digits or capitals is no SQLSTATE",
    arguments: ["", "2301", "235055", "2350é", "abcde"])
  func invalid(code: String) {
    #expect(SQLState(code) == nil)
  }
}
