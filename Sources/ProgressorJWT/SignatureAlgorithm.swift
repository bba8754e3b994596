/// How a token can be signed: RFC 7518, section 3.1, and RFC 8037; only such that take a public key
/// to verify. `none` is none of them, nor is any whose key could also sign.
enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case ps256 = "PS256"
  case ps384 = "PS384"
  case ps512 = "PS512"
  case es256 = "ES256"
  case es384 = "ES384"
  case es512 = "ES512"
  case edDSA = "EdDSA"

  /// The kinds of keys, and what each of them can verify.
  enum KeyKind: Sendable, Hashable {
    case rsa
    case p256
    case p384
    case p521
    case ed25519

    /// By `kty` and `crv` of a key (RFC 7518, section 6; RFC 8037); nil = none that can be used.
    init?(type: String, curve: String?) {
      switch (type, curve) {
      case ("RSA", _): self = .rsa
      case ("EC", "P-256"): self = .p256
      case ("EC", "P-384"): self = .p384
      case ("EC", "P-521"): self = .p521
      case ("OKP", "Ed25519"): self = .ed25519
      default: return nil
      }
    }

    /// What a key of this kind can verify, unless it says itself.
    var algorithms: [SignatureAlgorithm] {
      switch self {
      case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
      case .p256: [.es256]
      case .p384: [.es384]
      case .p521: [.es512]
      case .ed25519: [.edDSA]
      }
    }

    /// Of curves, the bytes of a coordinate.
    var coordinateBytes: Int {
      switch self {
      case .rsa: 0
      case .p256, .ed25519: 32
      case .p384: 48
      case .p521: 66
      }
    }
  }
}
