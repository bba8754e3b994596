import MachineModel
import PostgreSQL
import ProgressorEngine

/// How many machines a namespace has, by filter of `List`.
struct MachineCounts {
  /// What the statement counts, each up to a bound.
  struct Found: Equatable {
    var all: Int64
    var failed: Int64
    var retrying: Int64
    var paused: Int64
    var due: Int64
    /// Of the paused ones: how many were looked at, and are late.
    var looked: Int64
    var held: Int64
  }

  private let namespace: NamespaceNumber

  /// Of all machines, and of the failed ones, more are counted than are told: the rest works.
  static let mostOfAll = 2 * StatusCount.maximum + 1
  static let most = StatusCount.maximum + 1

  init(_ namespace: NamespaceNumber) { self.namespace = namespace }

  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [StatusCount] {
    let parameters = Parameters.with {
      $0.append(namespace.number)
      $0.append(Self.mostOfAll)
      $0.append(Self.most)
      $0.append(StatusFilter.lateAfter)
    }
    let rows = try connection.run(Statements.countMachines, parameters, timeout: timeout)
    guard let row = rows.first else { throw .unreadable("a count without a row") }
    var reader = RowReader(row)
    return Self.counts(
      of: Found(
        all: try reader.next(), failed: try reader.next(), retrying: try reader.next(),
        paused: try reader.next(), due: try reader.next(), looked: try reader.next(),
        held: try reader.next()))
  }

  /// In the order of the filters' numbers.
  static func counts(of found: Found) -> [StatusCount] {
    // Of so many that not all were counted, some may work.
    let isOpen = found.all >= mostOfAll
    return [
      count(.any, found.all),
      count(.working, max(0, found.all - found.failed), isOpen: isOpen),
      count(.retrying, found.retrying),
      count(.failed, found.failed),
      count(.paused, found.paused),
      count(.late, found.due + found.held, isOpen: found.looked >= most),
    ]
  }

  private static func count(
    _ status: StatusFilter, _ number: Int64, isOpen: Bool = false
  ) -> StatusCount {
    StatusCount(
      status: status, count: min(number, StatusCount.maximum),
      isCapped: isOpen || number > StatusCount.maximum)
  }
}
