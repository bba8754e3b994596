/// How many bytes of requests a server may hold, over all connections.
struct RequestBudget {
  /// How many bytes all connections together may hold.
  let perServer: Int

  /// Whether a call may hold so many bytes more. What the other calls of its connection hold is
  /// never more than what all leave free, so that no connection can take everything (dynamic
  /// thresholds; Choudhury and Hahne, 1998). The call itself may have what there is: so a message
  /// that the server takes at all finds room in an idle one, also beside calls that are open and
  /// hold little.
  ///
  /// - Parameters:
  ///   - ofCall: what the call holds already.
  ///   - held: what its connection holds, `ofCall` among it.
  ///   - total: what the server holds, `held` among it.
  func fits(_ bytes: Int, ofCall: Int, held: Int, total: Int) -> Bool {
    if bytes <= 0 { return true }
    let free = perServer - total - bytes
    return free >= 0 && held - ofCall <= free
  }
}
