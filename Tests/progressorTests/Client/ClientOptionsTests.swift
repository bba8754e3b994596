import Testing

@testable import progressor

@Suite("Which servers are asked")
struct ClientOptionsTests {
  private func targets(_ flags: [String], _ variable: String?) throws -> [String] {
    try ClientOptions.targets(flags: flags, variable: variable).map { "\($0)" }
  }

  @Test("flags go before the variable, the variable before the default")
  func precedence() throws {
    #expect(try targets([], nil) == ["127.0.0.1:7070"])
    #expect(try targets([], "a:1, b:2 ,,a:1") == ["a:1", "b:2"])
    #expect(try targets(["c:3", "unix:/x,y"], "a:1") == ["c:3", "unix:/x,y"])
  }

  @Test("what is wrong is said with its place", arguments: ["a", "a:1,b", ","])
  func wrong(variable: String) throws {
    let error = #expect(throws: (any Error).self) { try targets([], variable) }
    #expect("\(try #require(error))".contains("PROGRESSOR_SERVER"))
  }
}
