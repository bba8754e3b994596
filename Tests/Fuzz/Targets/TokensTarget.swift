import Crypto
import Foundation
import MachineModel
import ProgressorAccess

@testable import ProgressorJWT

extension FuzzTarget {
  /// JSON Web Tokens, their parts, and the sets of keys that verify them.
  static let tokens = FuzzTarget(
    name: "jwt", maximumBytes: 1_024, seeds: { TokensCheck.seeds },
    check: .waiting { try await TokensCheck($0).run() })
}

/// The first byte says what the rest is.
private struct TokensCheck {
  private let kind: UInt8
  private let bytes: [UInt8]

  init(_ input: [UInt8]) {
    var input = FuzzInput(input)
    kind = input.byte()
    bytes = Array(input.rest)
  }

  func run() async throws {
    switch kind % 6 {
    case 0: try checkForeign(try await Self.keys.value)
    case 1: try checkClaims(try await Self.keys.value)
    case 2: try checkHeader(try await Self.keys.value)
    case 3: try checkJSON()
    case 4: try checkBase64()
    default: try await checkKeySet()
    }
  }

  // MARK: Tokens

  /// Seconds since 1970.
  private static let now: Int64 = 1_800_000_000
  private static let issuer = TokenIssuer(issuer: "https://i", audience: "p", leeway: 0)
  private static let header = #"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#
  private static let claims =
    #"{"iss":"https://i","aud":["p","q"],"sub":"ann","groups":["a"],"exp":1800000060,"nbf":1}"#

  private static let keys = Task {
    let key = #"{"kty":"OKP","crv":"Ed25519","x":"\#(publicKey)","kid":"k"}"#
    return try await KeySet(Array(#"{"keys":[\#(key)]}"#.utf8))
  }

  private static let key = try? Curve25519.Signing.PrivateKey(
    rawRepresentation: Data(repeating: 7, count: 32))

  private static var publicKey: String {
    key.map { base64(Array($0.publicKey.rawRepresentation)) } ?? ""
  }

  private static func token(header: [UInt8], claims: [UInt8]) -> [UInt8] {
    let signed = "\(base64(header)).\(base64(claims))"
    let signature = (try? key?.signature(for: Data(signed.utf8))) ?? Data()
    return Array("\(signed).\(base64(Array(signature)))".utf8)
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }

  private func principal(showing token: [UInt8], _ keys: KeySet) -> Principal? {
    let verifier = TokenVerifier(Self.issuer, keys: keys, uptime: 0)
    let wall = Timestamp(microseconds: Self.now * 1_000_000)
    guard
      case .principal(let principal) = verifier.verdict(on: token, connection: 1, at: (wall, 0))
    else { return nil }
    return principal
  }

  /// Nobody can sign but the issuer: what is taken is what it signed, to the byte.
  private func checkForeign(_ keys: KeySet) throws {
    guard principal(showing: bytes, keys) != nil else { return }
    let own = Self.token(header: Array(Self.header.utf8), claims: Array(Self.claims.utf8))
    let dot = UInt8(ascii: ".")
    try demand(
      bytes.split(separator: dot).dropLast() == own.split(separator: dot).dropLast(),
      "a token is taken that nobody signed")
  }

  /// Of what the issuer signs, only what another reader of JSON understands in the same way.
  private func checkClaims(_ keys: KeySet) throws {
    let token = Self.token(header: Array(Self.header.utf8), claims: bytes)
    guard let principal = principal(showing: token, keys) else { return }
    let json = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    guard let json, let subject = json["sub"] as? String, let issuer = json["iss"] as? String,
      let expires = json["exp"] as? Double
    else { throw Violation(description: "claims are taken that another reader does not know") }
    try demand(subject.isExactly(principal.name.text), "\(subject) is \(principal.name.text)")
    try demand(issuer.isExactly(Self.issuer.issuer), "a token of \(issuer) is taken")
    try demand(expires > Double(Self.now), "a token is taken that expired at \(expires)")
    let audiences = json["aud"] as? [String] ?? [json["aud"] as? String ?? ""]
    try demand(audiences.contains { $0.isExactly("p") }, "a token for \(audiences) is taken")
    let groups = json["groups"] as? [String] ?? []
    try demand(Set(groups.map { ExactText($0) }) == principal.groups, "groups are \(groups)")
  }

  /// The key's algorithm is the only one, whatever the header says.
  private func checkHeader(_ keys: KeySet) throws {
    let token = Self.token(header: bytes, claims: Array(Self.claims.utf8))
    guard principal(showing: token, keys) != nil else { return }
    let json = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    try demand(json?["alg"] as? String == "EdDSA", "a token of another algorithm is taken")
    try demand(json?["crit"] == nil, "an extension that nobody knows is passed over")
    if let id = json?["kid"] { try demand(id as? String == "k", "a token of another key is taken") }
  }

  // MARK: Parts

  /// A text that is JSON has one meaning, and is JSON again when it is written down.
  private func checkJSON() throws {
    guard let value = StrictJSON(bytes) else { return }
    try demand(String(validating: bytes, as: UTF8.self) != nil, "what is no UTF-8 is JSON")
    let written = Self.written(value)
    try demand(StrictJSON(written.utf8) == value, "\(written) is read otherwise")
    for length in [bytes.count / 2, bytes.count - 1] where length > 0 {
      // Of a text that ends in a bracket no beginning is one.
      guard [UInt8(ascii: "}"), UInt8(ascii: "]")].contains(bytes[bytes.count - 1]) else { break }
      try demand(StrictJSON(bytes[..<length]) == nil, "half of it is JSON, too")
    }
  }

  private static func written(_ value: StrictJSON) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let number): "\(number)"
    case .string(let text): quoted(text)
    case .array(let elements): "[" + elements.map(written).joined(separator: " , ") + "]"
    case .object(let members):
      "{" + members.map { "\(quoted($0.text)):\(written($1))" }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    let units = text.utf16.map { unit in
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    return "\"" + units.joined() + "\""
  }

  /// Each sequence of bytes has one text.
  private func checkBase64() throws {
    try demand(Base64URL.decoded(Self.base64(bytes).utf8) == bytes, "base64 comes back otherwise")
    guard let decoded = Base64URL.decoded(bytes) else { return }
    try demand(Self.base64(decoded).utf8.elementsEqual(bytes), "a second text of the same bytes")
  }

  private func checkKeySet() async throws {
    let set: KeySet
    do throws(KeySet.Problem) { set = try await KeySet(bytes) } catch {
      try demand(!error.problem.isEmpty, "an error says nothing")
      return
    }
    try demand((1...KeySet.maximumKeys).contains(set.usable), "\(set.usable) keys are usable")
    try demand(set.usable + set.ignored <= KeySet.maximumKeys, "more keys than a set may have")
  }

  static var seeds: [[UInt8]] {
    let other = #"{"exp":2e9,"iss":"https:\/\/i","aud":"p","sub":"\u00e9\ud83d\ude00"}"#
    let keys = """
      {"keys":[{"kty":"OKP","crv":"Ed25519","x":"\(publicKey)","kid":"k","use":"sig"},
      {"kty":"EC","crv":"P-256","kid":"e","alg":"ES256",
      "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
      {"kty":"oct","k":"AAEC","kid":"s"},{"kty":"RSA","n":"AQAB","e":"AQAB","key_ops":["sign"]}]}
      """
    return [
      [0] + token(header: Array(header.utf8), claims: Array(claims.utf8)),
      [1] + Array(claims.utf8), [1] + Array(other.utf8), [2] + Array(header.utf8),
      [2] + Array(#"{"alg":"none"}"#.utf8),
      [3] + Array(#"{"a":[1,-0.5e+3,true,false,null,"\u0041\n"],"b":{}}"#.utf8),
      [4] + Array("AAEC_-8".utf8), [5] + Array(keys.utf8),
    ]
  }
}
