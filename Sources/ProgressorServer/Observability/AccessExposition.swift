import PrometheusMetrics

/// Whether the files that say who may do what are usable, and how tokens fared.
struct AccessExposition {
  private let access: AccessFiles.Statistics

  init(_ access: AccessFiles.Statistics) { self.access = access }

  func write(to exposition: inout Exposition) {
    exposition.family(
      "progressor_access_file_usable", .gauge,
      "0 = the file changed and cannot be used: what it said before stays in force.")
    for (part, isUsable) in access.isUsable {
      exposition.sample(isUsable ? 1 : 0, [("file", part.rawValue)])
    }
    guard let counts = access.issuedTokens else { return }
    exposition.family(
      "progressor_jwt_total", .counter,
      "Calls with a JSON Web Token: known = verified before, limited = not looked at.")
    for (result, count) in [
      ("verified", counts.verified), ("known", counts.known), ("refused", counts.refused),
      ("forged", counts.forged), ("limited", counts.limited),
    ] {
      exposition.sample(count, [("result", result)])
    }
    exposition.family(
      "progressor_jwt_keys", .gauge,
      "Keys of the issuer; ignored = of another use or kind, no token is verified with them.")
    exposition.sample(counts.usableKeys, [("state", "usable")])
    exposition.sample(counts.ignoredKeys, [("state", "ignored")])
  }
}
