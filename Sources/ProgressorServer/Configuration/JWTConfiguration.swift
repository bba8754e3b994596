public import ProgressorJWT

/// Whose JSON Web Tokens are taken.
public struct JWTConfiguration: Sendable, Hashable {
  /// The file of the issuer's public keys.
  public var keysFile: String
  /// What a token must say of itself.
  public var issuer: TokenIssuer

  /// nil = no tokens are taken.
  init?(_ reader: SettingReader) throws(ConfigurationError) {
    let named = ["issuer", "audience"]
    guard let keysFile = reader.text("authentication.jwt.jwks") else {
      for name in named where reader.text("authentication.jwt.\(name)") != nil {
        throw reader.problem(
          "authentication.jwt.\(name)", "means nothing without authentication.jwt.jwks")
      }
      return nil
    }
    for name in named where reader.text("authentication.jwt.\(name)") == nil {
      throw reader.problem("authentication.jwt.jwks", "needs authentication.jwt.\(name) beside it")
    }
    self.keysFile = keysFile
    issuer = TokenIssuer(
      issuer: reader.text("authentication.jwt.issuer") ?? "",
      audience: reader.text("authentication.jwt.audience") ?? "",
      principalClaim: reader.text("authentication.jwt.principal_claim") ?? "sub",
      groupsClaim: reader.text("authentication.jwt.groups_claim") ?? "groups",
      leeway: Int64(try reader.number("authentication.jwt.leeway") ?? 0))
  }
}
