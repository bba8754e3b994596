import MachineModel

/// Until when this node may trust that its shards are its own.
///
/// The fence in the database is the authority on commits (I4). This is for what no commit follows:
/// a step must not begin and memory must not be read when another node may already be the owner.
struct LeaseTrust {
  /// On `Moment.uptime`: the time *before* the renewal was sent, plus the lease, minus a margin.
  private var trustedUntil = Int64.min

  func isTrusted(at uptime: Int64) -> Bool {
    uptime < trustedUntil || (!Safeguard.leaseDeadline.isOn && trustedUntil != .min)
  }

  /// Microseconds that it is still trusted.
  func remaining(at uptime: Int64) -> Int64 {
    isTrusted(at: uptime) ? trustedUntil.subtractingReportingOverflow(uptime).partialValue : 0
  }

  /// Until when it is trusted; nil = that is over.
  func end(after uptime: Int64) -> Int64? { uptime < trustedUntil ? trustedUntil : nil }

  mutating func renewed(until uptime: Int64) {
    trustedUntil = max(trustedUntil, uptime)
    assert(trustedUntil >= uptime, "a renewal does not shorten what is trusted")
  }

  mutating func lost() { trustedUntil = .min }
}
