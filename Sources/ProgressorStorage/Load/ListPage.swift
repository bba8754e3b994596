import MachineModel
import PostgreSQL
import ProgressorEngine

/// One page of `List`.
struct ListPage {
  let number: NamespaceNumber
  let namespace: String
  let query: ListQuery

  /// Aux states of a page together. A message that held so much could not be sent.
  static let maximumBytes: Int64 = 64 << 20

  /// Rows of one page, and how they are asked for.
  private enum Selection {
    /// By an index, from this id on; one more than the page has.
    case inOrder(after: String?, limit: Int32)
    case found([MachineSearch.Place])
  }

  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> MachinePage {
    guard query.selectsFailures || query.status == .late else {
      let selection = Selection.inOrder(after: query.after, limit: query.pageSize + 1)
      return MachinePage(machines: try machines(selection, connection, timeout))
    }
    let search = MachineSearch(
      namespace: number, query: query, lastID: lastID, limit: MachineSearch.limit)
    let (places, reached) = try search.read(on: connection, timeout: timeout)
    return try page(of: places, reached: reached, connection, timeout)
  }

  /// What was found is read in a transaction of its own: of what changed in between, that is shown
  /// which fits still.
  private func page(
    of places: [MachineSearch.Place], reached: String?, _ connection: Connection,
    _ timeout: Duration
  ) throws(PostgreSQLError) -> MachinePage {
    let size = Int(query.pageSize)
    let shown = Array(places.prefix(size))
    var page = MachinePage(
      machines: [], reached: places.count > size ? shown.last?.id : reached)
    if shown.isEmpty { return page }
    page.machines = try machines(.found(shown), connection, timeout).filter { fits($0) }
    return page
  }

  private func fits(_ machine: Machine) -> Bool {
    guard query.selectsFailures else { return true }
    guard case .failed(let failure) = machine.status else { return false }
    return failure.failedAt >= query.failedSince ?? .earliest
      && query.failedCode.map { $0 == failure.code } ?? true
  }

  private func machines(
    _ selection: Selection, _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> [Machine] {
    do {
      let rows = try rows(selection, connection, timeout)
      return try rows.map { (row) throws(PostgreSQLError) in
        guard try row.value(0, as: Bool.self) else {
          throw .unreadable(
            "the page has more than \(Self.maximumBytes >> 20) MiB: ask for a smaller page_size")
        }
        return try machine(row)
      }
    } catch {
      guard error.scope == .statement, error.isDamage else { throw error }
      return try readOneByOne(selection, connection, timeout)
    }
  }

  /// One row spoils the statement for all: each alone, and that one without what cannot be read.
  private func readOneByOne(
    _ selection: Selection, _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> [Machine] {
    var machines: [Machine] = []
    switch selection {
    case .found(let places):
      for place in places {
        if let found = try single(.found([place]), connection, timeout) { machines.append(found) }
      }
    case .inOrder(var after, let limit):
      while machines.count < Int(limit),
        let found = try single(.inOrder(after: after, limit: 1), connection, timeout)
      {
        machines.append(found)
        after = found.machineID.id
      }
    }
    return machines
  }

  private func single(
    _ selection: Selection, _ connection: Connection, _ timeout: Duration
  ) throws(PostgreSQLError) -> Machine? {
    do {
      return try rows(selection, connection, timeout).first.map {
        (row) throws(PostgreSQLError) in try machine(row)
      }
    } catch {
      guard error.scope == .statement, error.isDamage else { throw error }
      return try rows(selection, connection, timeout, bytes: 0).first.map {
        (row) throws(PostgreSQLError) in try remains(row, error)
      }
    }
  }

  /// - Parameter bytes: of aux states; what exceeds it is not touched.
  private func rows(
    _ selection: Selection, _ connection: Connection, _ timeout: Duration,
    bytes: Int64 = maximumBytes
  ) throws(PostgreSQLError) -> ResultSet {
    var parameters = Parameters.with { $0.append(bytes) }
    switch selection {
    case .inOrder(let after, let limit):
      parameters.append(number.number)
      parameters.append(after ?? "")
      parameters.append(query.idPrefix)
      parameters.append(lastID)
      parameters.append(limit)
      return try connection.run(statement, parameters, timeout: timeout)
    case .found(let places):
      parameters.appendArray(places) { $0.shard }
      parameters.appendArray(places) { $0.key }
      return try connection.run(Statements.listFound, parameters, timeout: timeout)
    }
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
      lastEventID: lastEventID, createdAt: createdAt, since: failure.failedAt)
  }

  /// A plan is made once for all values: each filter has an index of its own, and a statement.
  private var statement: Statement {
    switch query.status {
    // Who is late has been found before.
    case .any, .late: Statements.listAny
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
    let repairedAt = try reader.nextOptionalTime()
    let waitingFor: String? = try reader.nextOptional()
    let timer = try reader.nextOptionalTime()
    let timeout = try reader.nextRetryState()
    let pause = try reader.nextPause()
    let notification = try reader.nextRetryState()
    var machine = Machine(
      machineID: MachineID(namespace: namespace, id: id), history: [],
      historyRange: HistoryRange(limit: 0),
      status: failure.map(MachineStatus.failed)
        ?? .working(Self.retrying(timeout: timeout, notification: notification)),
      auxState: auxState, timer: timer, lastEventID: lastEventID, createdAt: createdAt,
      pause: pause, since: failure?.failedAt ?? repairedAt ?? createdAt)
    machine.queuedNotifications = try reader.next()
    machine.pendingMessages = try reader.next()
    machine.undeliveredMessages = try reader.next()
    machine.waitingFor = waitingFor
    return machine
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
