/// A token as it is shown: header, claims and signature, each in base64url, with dots between
/// (RFC 7515, section 7.1). Nothing of it is believed yet.
struct CompactToken {
  /// What is signed: the bytes up to the second dot, as they came.
  let signed: [UInt8]
  let signature: [UInt8]
  let algorithm: SignatureAlgorithm
  /// `kid`; nil = the header has none.
  let keyID: String?
  /// An object.
  let claims: StrictJSON

  /// Whether it looks like one: three parts.
  static func hasShape(_ token: [UInt8]) -> Bool {
    token.reduce(0) { $1 == dot ? $0 + 1 : $0 } == 2
  }

  /// nil = it is none that could be verified, whoever signed it.
  init?(_ token: [UInt8]) {
    let parts = token.split(separator: Self.dot, omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64URL.decoded(parts[0]).flatMap({ StrictJSON($0) }),
      let claims = Base64URL.decoded(parts[1]).flatMap({ StrictJSON($0) }), case .object = claims,
      let signature = Base64URL.decoded(parts[2]), !signature.isEmpty
    else { return nil }
    guard let name = header["alg"]?.text, let algorithm = SignatureAlgorithm(rawValue: name),
      // Extensions that whoever does not know them must refuse (RFC 7515, section 4.1.11).
      header["crit"] == nil, Self.isAccessToken(header)
    else { return nil }
    if let id = header["kid"] {
      guard let text = id.text else { return nil }
      keyID = text
    } else {
      keyID = nil
    }
    signed = Array(token[..<parts[1].endIndex])
    self.signature = signature
    self.algorithm = algorithm
    self.claims = claims
  }

  /// Issuers sign other things with the same key (a logout, an event): those say so in `typ`
  /// (RFC 8725, section 3.11).
  private static func isAccessToken(_ header: StrictJSON) -> Bool {
    guard let type = header["typ"] else { return true }
    let types = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]
    return type.text.map { types.contains($0.lowercased()) } ?? false
  }

  private static let dot = UInt8(ascii: ".")
}
