import Synchronization

/// A table from which rows are deleted when their time is over.
public struct RetainedTable: Sendable, Hashable {
  /// Its name: `idempotency`, `trace`, `feed`, `repair_job` or `repair_job_failure`.
  public var name: String
  /// About how many rows it has.
  public var rows: Int64
  /// With its indexes.
  public var bytes: Int64

  public init(name: String, rows: Int64, bytes: Int64) {
    self.name = name
    self.rows = rows
    self.bytes = bytes
  }
}

/// How many rows this node has deleted since their time was over, by table.
public struct SweptRows: Sendable, Hashable {
  /// What is deleted.
  public enum Table: String, Sendable, Hashable, CaseIterable {
    case idempotency
    case trace
    case feed
    /// Jobs that had ended.
    case repairJob = "repair_job"
    /// What such jobs could not repair.
    case repairJobFailure = "repair_job_failure"
  }

  private var counts: [Table: Int64] = [:]

  public init() {}

  /// Of a table.
  public subscript(table: Table) -> Int64 { counts[table] ?? 0 }

  mutating func add(_ count: Int64, to table: Table) { counts[table, default: 0] += count }
}

/// Where sweeps write down what they deleted. From any thread.
final class SweptBoard: Sendable {
  private let rows = Mutex(SweptRows())

  var latest: SweptRows { rows.withLock { $0 } }

  func add(_ count: Int64, to table: SweptRows.Table) {
    if count > 0 { rows.withLock { $0.add(count, to: table) } }
  }
}
