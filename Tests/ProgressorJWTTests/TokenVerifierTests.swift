import Foundation
import MachineModel
import ProgressorAccess
import Testing

@testable import ProgressorJWT

@Suite("TokenVerifier")
struct TokenVerifierTests {
  /// Seconds since 1970.
  static let now: Int64 = 1_800_000_000
  static let key = SigningKey.p256("a")

  static func verifier(
    _ keys: [UInt8]? = nil, _ issuer: TokenIssuer? = nil
  ) async throws -> TokenVerifier {
    let issuer = issuer ?? TokenIssuer(issuer: "https://issuer", audience: "progressor")
    let keys = try await KeySet(try keys ?? SigningKey.set(key.jwk()))
    return TokenVerifier(issuer, keys: keys, uptime: 0)
  }

  /// Claims that are good, but for those that are given: nil leaves one out.
  static func claims(_ changes: [String: String?] = [:]) -> String {
    var claims: [String: String?] = [
      "iss": #""https://issuer""#, "aud": #""progressor""#, "sub": #""alice""#, "exp": "1800000060",
    ]
    claims.merge(changes) { _, new in new }
    let members = claims.compactMap { name, value in value.map { #""\#(name)":\#($0)"# } }
    return "{\(members.joined(separator: ","))}"
  }

  static func verdict(
    _ token: [UInt8], of verifier: TokenVerifier, connection: UInt64 = 1, after seconds: Int64 = 0
  ) -> TokenVerifier.Verdict {
    let wall = Timestamp(microseconds: (now + seconds) * 1_000_000)
    return verifier.verdict(
      on: token, connection: connection, at: (wall, seconds * 1_000_000))
  }

  static func name(_ verdict: TokenVerifier.Verdict) -> String? {
    if case .principal(let principal) = verdict { principal.name.text } else { nil }
  }

  static func verdict(_ changes: [String: String?]) async throws -> TokenVerifier.Verdict {
    verdict(try key.token(claims(changes)), of: try await verifier())
  }

  @Test("A good token is its principal's, whatever kind of key signed it")
  func good() async throws {
    for key in [SigningKey.p256("a"), .ed25519("a"), try .rsa("a")] {
      let verifier = try await Self.verifier(SigningKey.set(try key.jwk()))
      let verdict = Self.verdict(try key.token(Self.claims()), of: verifier)
      #expect(Self.name(verdict) == "alice")
    }
  }

  @Test("Groups, several audiences, fractions of seconds")
  func variants() async throws {
    let verdict = try await Self.verdict([
      "groups": #"["a","b"]"#, "aud": #"["x","progressor"]"#, "exp": "1800000000.5",
      "nbf": "1800000000.5", "iat": "1.8e9",
    ])
    guard case .principal(let principal) = verdict else { return #expect(Bool(false)) }
    #expect(principal.groups == ["a", "b"] && principal.kind == .bearer)
  }

  @Test(
    "Claims that are not good",
    arguments: [
      ["iss": nil], ["iss": #""https://issuer/""#], ["iss": #"["https://issuer"]"#],
      ["aud": nil], ["aud": #""Progressor""#], ["aud": #"["x"]"#], ["aud": "[]"],
      ["aud": #"["progressor",1]"#], ["sub": nil], ["sub": "7"], ["sub": #""""#],
      ["sub": #""anonymous""#], ["sub": #""uid:0""#], ["sub": #""a\u0000b""#],
      ["groups": #""a b""#], ["groups": "null"], ["groups": "[1]"], ["groups": #"[""]"#],
      ["exp": nil], ["exp": #""1800000060""#], ["exp": "1799999970"], ["exp": "1e300"],
      ["exp": "-1e300"], ["exp": "1e999"], ["exp": "99999999999999999999"], ["exp": "null"],
      ["nbf": "1800000031"], ["nbf": "true"], ["nbf": "1e300"], ["iat": "1800000031"],
      ["iat": "{}"],
    ] as [[String: String?]])
  func badClaims(changes: [String: String?]) async throws {
    #expect(try await Self.verdict(changes) == .bad)
  }

  @Test("The clock may be off by the leeway, and no more")
  func leeway() async throws {
    #expect(Self.name(try await Self.verdict(["exp": "1799999971"])) == "alice")
    #expect(Self.name(try await Self.verdict(["nbf": "1800000030"])) == "alice")
  }

  @Test("Issuer, audience and claims are compared by their bytes")
  func exact() async throws {
    let issuer = TokenIssuer(
      issuer: "\u{E9}", audience: "\u{E9}", principalClaim: "\u{E9}", groupsClaim: "g")
    let verifier = try await Self.verifier(nil, issuer)
    func token(_ text: String) throws -> [UInt8] {
      try Self.key.token(#"{"iss":"\#(text)","aud":"\#(text)","\#(text)":"x","exp":1800000060}"#)
    }
    #expect(Self.name(Self.verdict(try token("\u{E9}"), of: verifier)) == "x")
    #expect(Self.verdict(try token("e\u{301}"), of: verifier) == .bad)
  }

  @Test(
    "Headers that are not good",
    arguments: [
      #"{"alg":"none","kid":"a"}"#, #"{"alg":"None","kid":"a"}"#, #"{"alg":"HS256","kid":"a"}"#,
      #"{"alg":"RS256","kid":"a"}"#, #"{"alg":"ES384","kid":"a"}"#, #"{"kid":"a"}"#,
      #"{"alg":"ES256","kid":"b"}"#, #"{"alg":"ES256","kid":7}"#, #"{"alg":"ES256","kid":null}"#,
      #"{"alg":"ES256","kid":"a","crit":["b64"],"b64":false}"#,
      #"{"alg":"ES256","kid":"a","typ":"logout+jwt"}"#, #"{"alg":["ES256"],"kid":"a"}"#,
      #"{"alg":"ES256","alg":"none","kid":"a"}"#, "[]",
    ])
  func badHeaders(header: String) async throws {
    let verifier = try await Self.verifier()
    #expect(Self.verdict(try Self.key.token(Self.claims(), header: header), of: verifier) == .bad)
    #expect(verifier.counts.refused == 1 && verifier.counts.forged == 0)
  }

  @Test("Tokens with something wrong in their form")
  func form() async throws {
    let verifier = try await Self.verifier()
    let good = try Self.key.token(Self.claims())
    let text = try #require(String(validating: good, as: UTF8.self))
    let parts = text.split(separator: ".")
    let longer = [UInt8](repeating: UInt8(ascii: "A"), count: 8_192) + good
    for token in [
      Array("\(parts[0]).\(parts[1]).".utf8), Array("\(parts[0])..\(parts[2])".utf8),
      Array("..".utf8), good + [UInt8(ascii: "=")], Array("\(text).x".utf8), longer,
    ] {
      #expect(Self.verdict(token, of: verifier) == .bad)
    }
    #expect(verifier.counts.forged == 0)
  }

  @Test("A signature of another key or of other claims is forged")
  func forged() async throws {
    let verifier = try await Self.verifier()
    let other = SigningKey.p256("a")
    #expect(Self.verdict(try other.token(Self.claims()), of: verifier) == .bad)
    let good = try #require(
      String(validating: try Self.key.token(Self.claims()), as: UTF8.self))
    let signature = good.split(separator: ".")[2]
    let header = SigningKey.base64(Data(#"{"alg":"ES256","kid":"a"}"#.utf8))
    let claims = SigningKey.base64(Data(Self.claims(["sub": #""root""#]).utf8))
    #expect(Self.verdict(Array("\(header).\(claims).\(signature)".utf8), of: verifier) == .bad)
    #expect(verifier.counts.forged == 2 && verifier.counts.refused == 0)
  }

  @Test("A signature that is longer or shorter than its key's is not verified")
  func length() async throws {
    for (key, bytes) in [(SigningKey.p256("a"), 64), (.ed25519("a"), 64), (try .rsa("a"), 256)] {
      let verifier = try await Self.verifier(SigningKey.set(try key.jwk()))
      let good = try #require(
        String(validating: try key.token(Self.claims()), as: UTF8.self))
      let signed = good.split(separator: ".").dropLast().joined(separator: ".")
      for count in [1, bytes - 1, bytes + 1, 2 * bytes] {
        let signature = SigningKey.base64(Data(repeating: 0x41, count: count))
        #expect(Self.verdict(Array("\(signed).\(signature)".utf8), of: verifier) == .bad)
      }
      #expect(verifier.counts.forged == 0 && verifier.counts.refused == 4)
    }
  }

  @Test("A token is verified once, and is known until it expires")
  func known() async throws {
    let verifier = try await Self.verifier()
    let token = try Self.key.token(Self.claims())
    for seconds in [0, 1, 89] as [Int64] {
      #expect(Self.name(Self.verdict(token, of: verifier, after: seconds)) == "alice")
    }
    #expect(verifier.counts.verified == 1 && verifier.counts.known == 2)
    #expect(Self.verdict(token, of: verifier, after: 90) == .bad)
  }

  @Test("Other keys end what was verified by the old ones")
  func replaced() async throws {
    let verifier = try await Self.verifier()
    let token = try Self.key.token(Self.claims())
    #expect(Self.name(Self.verdict(token, of: verifier)) == "alice")
    let other = SigningKey.ed25519("a")
    verifier.replace(keys: try await KeySet(SigningKey.set(try other.jwk())))
    #expect(Self.verdict(token, of: verifier) == .bad)
    #expect(Self.name(Self.verdict(try other.token(Self.claims()), of: verifier)) == "alice")
  }

  @Test("Who forges is not looked at for a while; known tokens and other connections are")
  func limited() async throws {
    let verifier = try await Self.verifier()
    let (good, fresh) = (
      try Self.key.token(Self.claims()), try Self.key.token(Self.claims(["sub": #""bob""#]))
    )
    #expect(Self.name(Self.verdict(good, of: verifier)) == "alice")
    let forged = try SigningKey.p256("a").token(Self.claims())
    var verdicts: [TokenVerifier.Verdict] = []
    for _ in 0..<25 { verdicts.append(Self.verdict(forged, of: verifier)) }
    #expect(verdicts.count { $0 == .bad } == 20 && verdicts.count { $0 == .tooManyBad } == 5)
    #expect(Self.verdict(fresh, of: verifier) == .tooManyBad)
    #expect(Self.name(Self.verdict(good, of: verifier)) == "alice")
    #expect(Self.name(Self.verdict(fresh, of: verifier, connection: 2)) == "bob")
    let later = try Self.key.token(Self.claims(["sub": #""carol""#]))
    #expect(Self.name(Self.verdict(later, of: verifier, after: 1)) == "carol")
    #expect(verifier.counts.limited == 6)
  }
}
