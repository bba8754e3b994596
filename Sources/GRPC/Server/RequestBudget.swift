/// How many bytes of requests a server may hold, over all connections.
struct RequestBudget {
  /// Of all connections together.
  let perServer: Int

  /// Whether a call may hold so many bytes more. A connection never holds more than all of them leave
  /// free, so that none can take everything (dynamic thresholds; Choudhury and Hahne, 1998). Its only
  /// call may, so that a message which the server takes at all finds room in an idle one.
  ///
  /// - Parameters:
  ///   - ofCall: what the call holds already.
  ///   - held: what its connection holds, `ofCall` among it.
  ///   - total: what the server holds, `held` among it.
  func fits(_ bytes: Int, ofCall: Int, held: Int, total: Int) -> Bool {
    if bytes <= 0 { return true }
    let free = perServer - total - bytes
    return free >= 0 && (held == ofCall || held + bytes <= free)
  }
}
