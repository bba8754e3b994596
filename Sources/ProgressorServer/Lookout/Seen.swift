import ProgressorEngine
import ProgressorStorage
import Synchronization

/// What the lookout saw last, for who shows it.
struct Seen: Sendable {
  /// A namespace that is late.
  struct Late: Sendable, Hashable {
    var namespace: String
    /// Microseconds.
    var age: Int64
  }

  /// How the machines of each namespace fare; empty on a node that does not count them.
  var census: [NamespaceCensus] = []
  /// The tables whose rows have a time to go, as of the same time; empty on a standby.
  var tables: [RetainedTable] = []
  /// How far consumers of the feed are behind, as of the same time.
  var lags: [FeedLag] = []
  /// When the census was asked for, on `Moment.uptime`; nil = there was none yet.
  var censusAt: Int64?
  /// The namespaces that the watchdog finds late, as of the last look.
  var late: [Late] = []

  /// Microseconds for which a census is shown: what is older is not true any more.
  static let validity: Int64 = 15_000_000

  /// Microseconds since the census was asked for; nil = there was none.
  func age(at uptime: Int64) -> Int64? { censusAt.map { max(0, uptime - $0) } }

  /// The census, if it is not too old.
  func census(at uptime: Int64) -> [NamespaceCensus] {
    isValid(at: uptime) ? census : []
  }

  /// The tables, the same.
  func tables(at uptime: Int64) -> [RetainedTable] { isValid(at: uptime) ? tables : [] }

  /// The consumers, the same.
  func lags(at uptime: Int64) -> [FeedLag] { isValid(at: uptime) ? lags : [] }

  private func isValid(at uptime: Int64) -> Bool {
    age(at: uptime).map { $0 <= Self.validity } ?? false
  }
}

/// Where the lookout writes down what it saw. From any thread.
final class SeenBoard: Sendable {
  private let seen = Mutex(Seen())

  var latest: Seen { seen.withLock { $0 } }

  func counted(
    _ census: [NamespaceCensus], _ tables: [RetainedTable], _ lags: [FeedLag], at uptime: Int64
  ) {
    seen.withLock {
      ($0.census, $0.tables, $0.lags, $0.censusAt) = (census, tables, lags, uptime)
    }
  }

  func watched(_ late: [Seen.Late]) {
    seen.withLock { $0.late = late }
  }
}
