import Testing

@testable import ProgressorJWT

@Suite("KeySet")
struct KeySetTests {
  @Test("Keys are found by the bytes of their kid")
  func byID() async throws {
    let (one, other) = (SigningKey.p256("\u{E9}"), SigningKey.ed25519("e\u{301}"))
    let keys = try await KeySet(SigningKey.set(try one.jwk(), try other.jwk()))
    #expect(keys.key("\u{E9}")?.takes(.es256) == true)
    #expect(keys.key("e\u{301}")?.takes(.edDSA) == true)
    #expect(keys.key("e") == nil && keys.key(nil) == nil)
    #expect(keys.usable == 2 && keys.ignored == 0)
  }

  @Test("A key alone is meant by tokens without kid, and needs none itself")
  func single() async throws {
    let named = try await KeySet(SigningKey.set(try SigningKey.p256("a").jwk()))
    #expect(named.key(nil) != nil && named.key("a") != nil && named.key("b") == nil)
    let nameless = try await KeySet(SigningKey.set(try SigningKey.p256(nil).jwk()))
    #expect(nameless.key(nil) != nil && nameless.key("a") == nil)
  }

  @Test("A key verifies what suits its kind, or only what it says")
  func algorithms() async throws {
    let rsa = try SigningKey.rsa("a")
    let any = try await KeySet(SigningKey.set(try rsa.jwk())).key("a")
    #expect(any?.takes(.rs256) == true && any?.takes(.ps512) == true && any?.takes(.es256) == false)
    let one = try await KeySet(SigningKey.set(try rsa.jwk(#""alg":"PS256""#))).key("a")
    #expect(one?.takes(.ps256) == true && one?.takes(.rs256) == false)
  }

  @Test(
    "Keys for something else are passed over",
    arguments: [
      #"{"kty":"oct","k":"c2VjcmV0","kid":"b"}"#, #"{"kty":"EC","crv":"secp256k1","kid":"b"}"#,
      #"{"kty":"new","d":"private","kid":"b"}"#,
    ])
  func others(member: String) async throws {
    let key = try SigningKey.p256("a").jwk()
    let keys = try await KeySet(SigningKey.set(member, key))
    #expect(keys.usable == 1 && keys.ignored == 1 && keys.key("b") == nil)
  }

  @Test(
    "So are keys that are not for signatures",
    arguments: [#""use":"enc""#, #""key_ops":["encrypt"]"#, #""alg":"HS256""#, #""alg":"none""#])
  func otherUses(members: String) async throws {
    let (one, other) = (try SigningKey.rsa("a"), SigningKey.p256("b"))
    let keys = try await KeySet(SigningKey.set(try one.jwk(members), try other.jwk()))
    #expect(keys.usable == 1 && keys.key("a") == nil)
    await #expect(throws: KeySet.Problem.self) {
      try await KeySet(SigningKey.set(try one.jwk(members)))
    }
  }

  @Test("A wrong key makes the file unusable, and the message names the place and no bytes of it")
  func wrong() async throws {
    let good = try SigningKey.p256("a").jwk()
    let wrongs = [
      (good, "kid"), (try SigningKey.p256(nil).jwk(), "kid"),
      (try SigningKey.p256("b").jwk(#""d":"secret""#), "private"),
      (#"{"kty":"EC","crv":"P-256","kid":"b","x":"c2VjcmV0","y":"AA"}"#, "x must have 32"),
      (#"{"kty":"OKP","crv":"Ed25519","kid":"b","x":"secret="}"#, "base64url"),
      (#"{"kty":"RSA","kid":"b","n":"c2VjcmV0","e":"AQAB"}"#, "n must have 2048"),
      (#"{"kty":"RSA","kid":"b","e":"AQAB"}"#, "n is missing"),
      (#"{"kty":7}"#, "kty is no text"), ("[]", "no kty"), ("{}", "no kty"),
    ]
    for (member, part) in wrongs {
      let problem = await #expect(throws: KeySet.Problem.self) {
        try await KeySet(SigningKey.set(good, member))
      }
      let text = problem.map { "\($0)" } ?? ""
      #expect(text.contains(part) && text.contains("keys") && !text.contains("secret"), "\(text)")
    }
  }

  @Test("A point that is not on its curve is no key")
  func offCurve() async {
    let x = String(repeating: "A", count: 43)
    let member = #"{"kty":"EC","crv":"P-256","kid":"b","x":"\#(x)","y":"\#(x)"}"#
    await #expect(throws: KeySet.Problem.self) { try await KeySet(SigningKey.set(member)) }
  }

  @Test(
    "What is no set of keys",
    arguments: ["", "{}", #"{"keys":{}}"#, #"{"keys":[]}"#, #"{"keys":[],"keys":[]}"#, "[1"])
  func noSet(text: String) async {
    await #expect(throws: KeySet.Problem.self) { try await KeySet(Array(text.utf8)) }
  }

  @Test("Too many keys, and too many bytes")
  func limits() async throws {
    let members = try (0...KeySet.maximumKeys).map { try SigningKey.p256("\($0)").jwk() }
    let bytes = Array(#"{"keys":[\#(members.joined(separator: ","))]}"#.utf8)
    await #expect(throws: KeySet.Problem.self) { try await KeySet(bytes) }
    let long = SigningKey.set(try SigningKey.p256("a").jwk())
    let padding = [UInt8](repeating: 0x20, count: KeySet.maximumBytes)
    await #expect(throws: KeySet.Problem.self) { try await KeySet(long + padding) }
  }
}
