import MachineModel
import ProgressorAccess
import Testing

@testable import ProgressorJWT

@Suite("Bounds of what is remembered")
struct BoundsTests {
  private static func accepted(_ expires: Int64 = 100) throws -> TokenIssuer.Accepted {
    let principal = Principal(credentials: .token, name: "a", groups: [])
    return TokenIssuer.Accepted(principal: try #require(principal), expires: expires)
  }

  private static func digest(_ number: Int) -> TokenDigest {
    TokenDigest(of: Array("\(number)".utf8))
  }

  @Test("Tokens used lately stay, others leave, none outlives its time")
  func tokens() throws {
    var tokens = VerifiedTokens()
    let accepted = try Self.accepted()
    for number in 0..<20_000 {
      tokens.insert(Self.digest(number), accepted, bytes: 100)
      let used = tokens.principal(Self.digest(0), now: 99)
      #expect(used != nil)
    }
    #expect(tokens.count <= 2 * VerifiedTokens.maximumTokens)
    let known = [(1, 99), (19_999, 99), (0, 100), (0, 99)].map { number, now in
      tokens.principal(Self.digest(number), now: now) != nil
    }
    #expect(known == [false, true, false, false])
  }

  @Test("Long tokens leave sooner")
  func bytes() throws {
    var tokens = VerifiedTokens()
    for number in 0..<5_000 {
      tokens.insert(Self.digest(number), try Self.accepted(), bytes: 8_192)
    }
    #expect(tokens.count <= 2 * VerifiedTokens.maximumBytes / 8_192)
  }

  @Test("All connections together have a bound, which comes back with time and with good tokens")
  func failures() {
    var budget = FailureBudget(now: 0)
    var taken = 0
    for connection in 0..<30_000 as Range<UInt64> where budget.take(connection, now: 0) {
      taken += 1
    }
    #expect(taken == 500 && budget.connections <= 2 * FailureBudget.maximumConnections)
    budget.giveBack(0, now: 0)
    let more = [(40_000, 0), (40_001, 0), (40_001, 2_000)].map { connection, now in
      budget.take(connection, now: now)
    }
    #expect(more == [true, false, true])
  }
}
