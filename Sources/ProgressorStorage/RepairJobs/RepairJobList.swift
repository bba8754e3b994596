import MachineModel
import PostgreSQL
import ProgressorEngine

/// Repair jobs, the newest first. Those whose rows are damaged are left out, named in the log, and
/// take nobody's place on the page.
struct RepairJobList {
  enum Choice {
    /// nil = of all namespaces.
    case all(namespace: String?)
    case running
  }

  let choice: Choice
  let limit: Int32
  let damaged: DamagedRepairJobs
  /// Told the namespace of a job; nil = all are shown.
  var isShown: (@Sendable (String) -> Bool)?

  /// Jobs that are read at once where some may not be shown. There are never many more than a
  /// thousand.
  private static let leastRead: Int32 = 100

  private struct Found {
    var number: Int64
    /// nil = damaged, or gone.
    var job: StoredRepairJob?
  }

  /// As many as the limit, unless there are no more.
  func read(
    before number: Int64, on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [StoredRepairJob] {
    var (before, jobs): (Int64, [StoredRepairJob]) = (number, [])
    let size = isShown == nil ? limit : max(limit, Self.leastRead)
    while true {
      let page = try page(before: before, size, on: connection, timeout)
      jobs += page.compactMap(\.job).filter { isShown?($0.job.spec.namespace) ?? true }
      guard jobs.count < Int(limit), page.count == Int(size), let last = page.last else {
        return Array(jobs.prefix(Int(limit)))
      }
      before = last.number
    }
  }

  private func page(
    before number: Int64, _ size: Int32, on connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> [Found] {
    let parameters = Parameters.with {
      if case .all(let namespace) = choice { $0.append(namespace) }
      $0.append(number)
      $0.append(size)
    }
    let statement =
      switch choice {
      case .all: Statements.repairJobList
      case .running: Statements.repairJobRunning
      }
    do {
      return try connection.run(statement, parameters, timeout: timeout).map {
        (row) throws(PostgreSQLError) in try found(row)
      }
    } catch {
      guard error.scope == .statement, error.isDamage else { throw error }
      return try readOneByOne(before: number, size, on: connection, timeout)
    }
  }

  /// A row on a damaged page spoils the statement for all: each alone.
  private func readOneByOne(
    before number: Int64, _ size: Int32, on connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> [Found] {
    let parameters = Parameters.with {
      switch choice {
      case .all(let namespace):
        $0.append(namespace)
        $0.append(false)
      case .running:
        $0.append(nil as String?)
        $0.append(true)
      }
      $0.append(number)
      $0.append(size)
    }
    var page: [Found] = []
    for row in try connection.run(Statements.repairJobNumbers, parameters, timeout: timeout) {
      let number: Int64 = try row.value(0)
      do {
        var found = Found(number: number)
        if let row = try alone(number, on: connection, timeout) { found = try self.found(row) }
        // It may have ended meanwhile.
        if case .running = choice, found.job?.job.state != .running { found.job = nil }
        page.append(found)
      } catch {
        guard error.scope == .statement, error.isDamage else { throw error }
        damaged.found(number, id: try? row.value(1, as: String.self), error)
        page.append(Found(number: number))
      }
    }
    return page
  }

  /// The row of this number, which is smaller than another.
  private func alone(
    _ number: Int64, on connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> Row? {
    let parameters = Parameters.with {
      $0.append(nil as String?)
      $0.append(number + 1)
      $0.append(1 as Int32)
    }
    return try connection.run(Statements.repairJobList, parameters, timeout: timeout).first
  }

  private func found(_ row: Row) throws(PostgreSQLError) -> Found {
    let number: Int64 = try row.value(0)
    var reader = RowReader(row)
    do {
      let job = try reader.nextRepairJob()
      damaged.isSound(number)
      return Found(number: number, job: job)
    } catch {
      damaged.found(number, id: try? row.value(2, as: String.self), error)
      return Found(number: number)
    }
  }
}
