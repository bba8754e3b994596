import GRPC
import Testing

@testable import ProgressorServer

@Suite("BearerToken")
struct BearerTokenTests {
  private static func token(_ values: String...) throws -> BearerToken {
    var metadata = Metadata()
    for value in values { try metadata.append("authorization", text: value) }
    return BearerToken(metadata)
  }

  @Test("A bearer token is what follows the scheme, in any case")
  func tokens() throws {
    for value in ["Bearer secret", "bearer secret", "BEARER  secret"] {
      #expect(try Self.token(value) == .token(Array("secret".utf8)))
    }
    #expect(try Self.token() == .none)
  }

  @Test(
    "Anything else that is shown is bad credentials, never none",
    arguments: ["", "secret", "Bearer", "Bearer ", "Basic c2VjcmV0", "Bearer a b", "Bearersecret"])
  func malformed(value: String) throws {
    #expect(try Self.token(value) == .malformed)
  }

  @Test("Two tokens are none: which of them counts, nobody says")
  func several() throws {
    #expect(try Self.token("Bearer a", "Bearer a") == .malformed)
  }
}
