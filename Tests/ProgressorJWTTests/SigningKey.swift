import Crypto
import CryptoExtras
import Foundation

/// A key of an issuer, which signs whatever a test asks for.
struct SigningKey {
  enum Kind {
    case p256(P256.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
  }

  let kind: Kind
  let id: String?

  static func p256(_ id: String?) -> SigningKey {
    SigningKey(kind: .p256(P256.Signing.PrivateKey()), id: id)
  }

  static func ed25519(_ id: String?) -> SigningKey {
    SigningKey(kind: .ed25519(Curve25519.Signing.PrivateKey()), id: id)
  }

  static func rsa(_ id: String?) throws -> SigningKey {
    SigningKey(kind: .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)), id: id)
  }

  var algorithm: String {
    switch kind {
    case .p256: "ES256"
    case .ed25519: "EdDSA"
    case .rsa: "RS256"
    }
  }

  /// Its public part, as a member of `keys`, with other members beside.
  func jwk(_ others: String = "") throws -> String {
    let (name, others) = (id.map { #","kid":"\#($0)""# } ?? "", others.isEmpty ? "" : "," + others)
    switch kind {
    case .p256(let key):
      let point = key.publicKey.rawRepresentation
      let (x, y) = (Self.base64(point.prefix(32)), Self.base64(point.suffix(32)))
      return #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"\#(name)\#(others)}"#
    case .ed25519(let key):
      let x = Self.base64(key.publicKey.rawRepresentation)
      return #"{"kty":"OKP","crv":"Ed25519","x":"\#(x)"\#(name)\#(others)}"#
    case .rsa(let key):
      let numbers = try key.publicKey.getKeyPrimitives()
      let (n, e) = (Self.base64(numbers.modulus), Self.base64(numbers.publicExponent))
      return #"{"kty":"RSA","n":"\#(n)","e":"\#(e)"\#(name)\#(others)}"#
    }
  }

  /// A token of these claims; the header is what is usual unless given.
  func token(_ claims: String, header: String? = nil) throws -> [UInt8] {
    let name = id.map { #","kid":"\#($0)""# } ?? ""
    let header = header ?? #"{"alg":"\#(algorithm)","typ":"JWT"\#(name)}"#
    let signed = "\(Self.base64(Data(header.utf8))).\(Self.base64(Data(claims.utf8)))"
    return Array("\(signed).\(Self.base64(try signature(Data(signed.utf8))))".utf8)
  }

  private func signature(_ data: Data) throws -> Data {
    switch kind {
    case .p256(let key): try key.signature(for: data).rawRepresentation
    case .ed25519(let key): try key.signature(for: data)
    case .rsa(let key):
      try key.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
        .rawRepresentation
    }
  }

  static func base64(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }

  static func set(_ members: String...) -> [UInt8] {
    Array(#"{"keys":[\#(members.joined(separator: ","))]}"#.utf8)
  }
}
