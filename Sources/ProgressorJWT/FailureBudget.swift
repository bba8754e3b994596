/// How many signatures may be checked in vain: for each connection, and for all together. Who
/// shows good tokens pays nothing. Times are microseconds of a clock that only goes forward.
struct FailureBudget {
  /// At once, and per second afterwards, of one connection. A proxy's connection has many callers.
  static let ofConnection = Rate(burst: 20, perSecond: 2)
  /// Of all: with the slowest kind of key a good part of one processor, with others little.
  static let ofAll = Rate(burst: 500, perSecond: 500)
  /// Connections that are remembered, in each of two generations.
  static let maximumConnections = 5_000

  struct Rate: Sendable {
    let burst: Double
    let perSecond: Double
  }

  /// What is left of a rate.
  private struct Allowance {
    var left: Double
    var time: Int64

    mutating func refill(_ rate: Rate, _ now: Int64) {
      left = min(rate.burst, left + Double(max(0, now - time)) / 1e6 * rate.perSecond)
      time = max(time, now)
    }
  }

  private var all: Allowance
  /// Only of connections that failed lately.
  private var young: [UInt64: Allowance] = [:]
  private var old: [UInt64: Allowance] = [:]

  init(now: Int64) { all = Allowance(left: Self.ofAll.burst, time: now) }

  /// How many connections are remembered.
  var connections: Int { young.count + old.count }

  /// Whether a signature may be checked for the connection; it counts as failed until it is given
  /// back.
  mutating func take(_ connection: UInt64, now: Int64) -> Bool {
    all.refill(Self.ofAll, now)
    var own = recall(connection, now)
    guard all.left >= 1, own.left >= 1 else { return false }
    all.left -= 1
    own.left -= 1
    young[connection] = own
    return true
  }

  /// The check that was taken for the connection succeeded.
  mutating func giveBack(_ connection: UInt64, now: Int64) {
    all.left = min(Self.ofAll.burst, all.left + 1)
    var own = recall(connection, now)
    own.left = min(Self.ofConnection.burst, own.left + 1)
    young[connection] = own.left < Self.ofConnection.burst ? own : nil
  }

  /// What the connection has left; from then on it is among the young.
  private mutating func recall(_ connection: UInt64, _ now: Int64) -> Allowance {
    var own =
      young[connection] ?? old.removeValue(forKey: connection)
      ?? Allowance(left: Self.ofConnection.burst, time: now)
    own.refill(Self.ofConnection, now)
    if young[connection] == nil, young.count >= Self.maximumConnections {
      (old, young) = (young, [:])
    }
    young[connection] = own
    return own
  }
}
