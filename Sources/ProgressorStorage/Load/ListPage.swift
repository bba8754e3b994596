import MachineModel
import PostgreSQL
import ProgressorEngine

/// One page of `List`, and one machine more when there is more.
struct ListPage {
  let number: NamespaceNumber
  let namespace: String
  var query: ListQuery

  /// Aux states of a page together. A message that held so much could not be sent.
  static let maximumBytes: Int64 = 64 << 20

  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [Machine] {
    do {
      return try rows(on: connection, timeout: timeout).map { (row) throws(PostgreSQLError) in
        guard try row.value(0, as: Bool.self) else {
          throw .unreadable(
            "the page has more than \(Self.maximumBytes >> 20) MiB: ask for a smaller page_size")
        }
        return try machine(row)
      }
    } catch {
      guard error.scope == .statement, error.isDamage else { throw error }
      return try readOneByOne(on: connection, timeout: timeout)
    }
  }

  /// One row spoils the statement for all: each alone, and that one without what cannot be read.
  private func readOneByOne(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [Machine] {
    var machines: [Machine] = []
    var single = self
    single.query.pageSize = 0
    while machines.count <= Int(query.pageSize) {
      let found: Machine?
      do {
        found = try single.rows(on: connection, timeout: timeout).first.map {
          (row) throws(PostgreSQLError) in try machine(row)
        }
      } catch {
        guard error.scope == .statement, error.isDamage else { throw error }
        found = try single.rows(on: connection, timeout: timeout, bytes: 0).first.map {
          (row) throws(PostgreSQLError) in try remains(row, error)
        }
      }
      guard let found else { break }
      machines.append(found)
      single.query.after = found.machineID.id
    }
    return machines
  }

  /// - Parameter bytes: of aux states; what exceeds it is not touched.
  private func rows(
    on connection: Connection, timeout: Duration, bytes: Int64 = maximumBytes
  ) throws(PostgreSQLError) -> ResultSet {
    let parameters = Parameters.with {
      $0.append(number.number)
      $0.append(query.after ?? "")
      $0.append(query.idPrefix)
      $0.append(lastID)
      $0.append(query.pageSize + 1)
      $0.append(bytes)
    }
    return try connection.run(statement, parameters, timeout: timeout)
  }

  /// The machine of a row; one that cannot be understood is shown as failed, for itself alone.
  private func machine(_ row: Row) throws(PostgreSQLError) -> Machine {
    var reader = RowReader(row, from: 1)
    do { return try machine(&reader) } catch { return try remains(row, error) }
  }

  /// What is plain of a row that cannot be understood: id, time of creation, length, failure.
  private func remains(
    _ row: Row, _ error: PostgreSQLError
  ) throws(PostgreSQLError) -> Machine {
    var reader = RowReader(row, from: 1)
    let id: String = try reader.next()
    // What is no time is shown as the first of the calendar: there must be one.
    let createdAt = (try? reader.nextTime()) ?? .earliest
    let lastEventID: Int64 = try reader.next()
    reader.skip(2)
    let known: Failure? = try? reader.nextFailure()
    let failure =
      known
      ?? Failure(
        reason: ProgressorError.damaged(error.description).message, failedAt: createdAt,
        stepKind: .call, code: Code.dataLoss.rawValue, attempts: 0)
    return Machine(
      machineID: MachineID(namespace: namespace, id: id), history: [],
      historyRange: HistoryRange(limit: 0), status: .failed(failure), auxState: nil, timer: nil,
      lastEventID: lastEventID, createdAt: createdAt)
  }

  /// A plan is made once for all values: each filter has an index of its own, and a statement.
  private var statement: Statement {
    switch query.status {
    case .any: Statements.listAny
    case .working: Statements.listWorking
    case .retrying: Statements.listRetrying
    case .failed: Statements.listFailed
    case .paused: Statements.listPaused
    }
  }

  /// No id with the prefix comes after this one: ids have at most 256 bytes, and U+10FFFF, four
  /// bytes long, is the last character there is.
  private var lastID: String {
    query.idPrefix + String(repeating: "\u{10FFFF}", count: MachineID.maximumBytes / 4)
  }

  private func machine(_ reader: inout RowReader) throws(PostgreSQLError) -> Machine {
    let id: String = try reader.next()
    let createdAt = try reader.nextTime()
    let lastEventID: Int64 = try reader.next()
    let auxState = try reader.nextContent()
    let failure = try reader.nextFailure()
    let timer = try reader.nextOptionalTime()
    let timeout = try reader.nextRetryState()
    let pause = try reader.nextPause()
    let notification = try reader.nextRetryState()
    return Machine(
      machineID: MachineID(namespace: namespace, id: id), history: [],
      historyRange: HistoryRange(limit: 0),
      status: failure.map(MachineStatus.failed)
        ?? .working(Self.retrying(timeout: timeout, notification: notification)),
      auxState: auxState, timer: timer, lastEventID: lastEventID, createdAt: createdAt,
      pause: pause)
  }

  /// Of a timeout and a notification that back off, the one that is next.
  private static func retrying(
    timeout: RetryState?, notification: RetryState?
  ) -> Retrying? {
    let states = [(StepKind.timeout, timeout), (.notification, notification)]
    let next = states.compactMap { kind, state in state.map { (kind, $0) } }
      .min { $0.1.nextAttemptAt < $1.1.nextAttemptAt }
    return next.map { kind, state in
      Retrying(
        stepKind: kind, attempt: state.attempt, nextAttemptAt: state.nextAttemptAt,
        lastCode: state.lastCode, lastMessage: state.lastMessage)
    }
  }
}
