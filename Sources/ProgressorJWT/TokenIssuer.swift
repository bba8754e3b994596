internal import MachineModel
internal import ProgressorAccess

/// Whose tokens are taken, for whom they must be made, and where they say who shows them.
public struct TokenIssuer: Sendable, Hashable {
  /// `iss` must be these bytes.
  public var issuer: String
  /// `aud` must be these bytes, or have them among others.
  public var audience: String
  /// The claim that names the principal.
  public var principalClaim: String
  /// The claim that lists groups; a token may have none.
  public var groupsClaim: String
  /// Microseconds by which the issuer's clock may be wrong.
  public var leeway: Int64

  /// What is usual, but for the issuer and the audience.
  public init(
    issuer: String, audience: String, principalClaim: String = "sub",
    groupsClaim: String = "groups", leeway: Int64 = 30_000_000
  ) {
    self.issuer = issuer
    self.audience = audience
    self.principalClaim = principalClaim
    self.groupsClaim = groupsClaim
    self.leeway = leeway
  }

  /// Who the claims are about, and when that ends.
  struct Accepted: Sendable, Hashable {
    var principal: Principal
    /// Microseconds since 1970, leeway included.
    var expires: Int64
  }

  /// nil = the claims are of somebody else, for somebody else, about nobody, or not valid now.
  ///
  /// - Parameter now: Microseconds since 1970.
  func accept(_ claims: StrictJSON, now: Int64) -> Accepted? {
    guard claims["iss"]?.text?.isExactly(issuer) == true, isMeant(claims["aud"]),
      let expires = claims["exp"].flatMap(Self.microseconds), now < expires + leeway,
      isPast(claims["nbf"], now), isPast(claims["iat"], now),
      let name = claims[ExactText(principalClaim)]?.text
    else { return nil }
    var groups: [String] = []
    if let claim = claims[ExactText(groupsClaim)] {
      guard let texts = claim.texts else { return nil }
      groups = texts
    }
    guard let principal = Principal(credentials: .token, name: name, groups: groups) else {
      return nil
    }
    return Accepted(principal: principal, expires: expires + leeway)
  }

  private func isMeant(_ claim: StrictJSON?) -> Bool {
    let audiences = claim?.text.map { [$0] } ?? claim?.texts ?? []
    return audiences.contains { $0.isExactly(audience) }
  }

  /// Whether a time is past or was not given.
  private func isPast(_ claim: StrictJSON?, _ now: Int64) -> Bool {
    guard let claim else { return true }
    guard let time = Self.microseconds(claim) else { return false }
    return now >= time - leeway
  }

  /// Seconds since 1970, which may have a fraction, in microseconds; nil = no number, or one of no
  /// year from 1 to 9999, with which one can calculate.
  private static func microseconds(_ claim: StrictJSON) -> Int64? {
    guard case .number(let seconds) = claim, (-62_135_596_800...253_402_300_799).contains(seconds)
    else { return nil }
    return Int64(seconds * 1e6)
  }
}
