import MachineModel
import PostgreSQL
import ProgressorEngine

/// Reads one page of an export. A machine whose history and queue fit into what is left of the page
/// is read in one pipeline, that is in one snapshot; of a larger one the events follow in later
/// pages, since they never change, and a queue as long as nothing else changes either.
struct ExportReading {
  private let query: ExportQuery
  private let shards: Int32
  private let connection: Connection
  private let timeout: Duration
  private var namespace = NamespaceNumber(0)
  private var parts: [MachinePart] = []
  private var bytes: Int64 = 0
  private var machines = 0

  private static let machinesPerPage = 200
  private static let eventsPerPage: Int32 = 5_000
  private static let notificationsPerPage: Int32 = 1_000
  private static let maximumAttempts = 5

  init(_ query: ExportQuery, shards: Int32, on connection: Connection, timeout: Duration) {
    self.query = query
    self.shards = shards
    self.connection = connection
    self.timeout = timeout
  }

  /// Throws ``ProgressorError``, `cancelled` when the query is over, and ``PostgreSQLError``.
  mutating func page() throws -> ExportPage {
    try goOn()
    let found = try connection.run(
      Statements.exportNamespace, .with { $0.append(query.namespace) }, timeout: timeout)
    guard let row = found.first else {
      throw ProgressorError.namespaceNotFound(query.namespace)
    }
    namespace = NamespaceNumber(try row.value(0))
    var position = query.position
    while true {
      switch position {
      case .at(let id, let attempt): position = try whole(id, attempt: attempt)
      case .within(let part): position = try rest(part)
      case .after(let last):
        let ids = try nextIDs(behind: last)
        if ids.isEmpty { return ExportPage(parts: parts, next: nil) }
        for id in ids where !isFull {
          position = try whole(id, attempt: 0)
          guard case .after = position else { break }
        }
      }
      if isFull { return ExportPage(parts: parts, next: position) }
    }
  }

  /// Stops where the work would be for nobody: others wait for the connection.
  private func goOn() throws(ProgressorError) { if query.isOver() { throw .cancelled } }

  private var isFull: Bool { bytes >= query.bytes || machines >= Self.machinesPerPage }

  /// Whether the next page has to begin with a payload of so many bytes, which may be nearly as
  /// long as a message: this one, which has something already, is full then.
  ///
  /// - Parameter behind: What belongs to the same piece is there.
  private mutating func isPageOfItsOwn(_ payload: Int, behind: Bool) -> Bool {
    guard payload > query.bytes, behind || !parts.isEmpty else { return false }
    bytes = max(bytes, query.bytes)
    return true
  }

  /// What may still begin in this page.
  private var left: Int64 { max(0, query.bytes - bytes) }

  private func nextIDs(behind last: String) throws -> [String] {
    if !query.ids.isEmpty {
      return Array(
        query.ids.drop { !last.precedesExactly($0) }.prefix(Self.machinesPerPage))
    }
    let parameters = Parameters.with {
      $0.append(namespace.number)
      $0.append(last)
      $0.append(Int32(Self.machinesPerPage))
    }
    try goOn()
    return try connection.run(Statements.exportIDs, parameters, timeout: timeout)
      .map { (row) throws(PostgreSQLError) in try row.value(0) }
  }

  private func machine(_ id: String) -> MachineID {
    MachineID(namespace: query.namespace, id: id)
  }

  private func shard(_ id: String) -> Int32 { ShardID(of: machine(id), shards: shards).number }
}

// A machine.
extension ExportReading {
  /// A machine from its head on.
  private mutating func whole(_ id: String, attempt: Int) throws -> ExportPosition {
    machines += 1
    var pipeline = Pipeline()
    pipeline.append(
      Statements.loadRows,
      .with {
        $0.appendArray([Int32(0)])
        $0.appendArray([shard(id)])
        $0.appendArray([namespace.number])
        $0.appendArray([id])
        $0.append(Int64.max)
        $0.append(Int64.max)
      })
    pipeline.append(Statements.listNotifications, queueParameters(id, behind: 0))
    pipeline.append(Statements.exportEvents, eventParameters(id, behind: 0))
    try goOn()
    let results = try connection.run(pipeline, timeout: timeout)
    return try readable(id) { reading in
      try reading.whole(id, results, attempt: attempt)
    }
  }

  private mutating func whole(
    _ id: String, _ results: [ResultSet], attempt: Int
  ) throws -> ExportPosition {
    guard let row = results[0].first else {
      // Whoever names a machine hears that it is not there; else it is gone meanwhile.
      if query.ids.isEmpty { return .after(id) }
      throw ProgressorError.machineNotFound(machine(id))
    }
    var reader = RowReader(row, from: 2)
    let request = LoadRequest(
      id: LoadID(0), shard: ShardID(shard(id)), namespace: namespace, machine: machine(id),
      row: true)
    let machineRow = try reader.nextMachineRow(of: request)
    let auxBytes = machineRow.auxState?.data.count ?? 0
    if isPageOfItsOwn(auxBytes, behind: false) { return .at(id, attempt: attempt) }
    parts.append(.head(PortableMachine(machineRow)))
    bytes += Int64(auxBytes) + 1_024
    var part = ExportPosition.Partial(
      id: id, key: machineRow.key.number, version: machineRow.version,
      lastEventID: machineRow.lastEventID, sequence: 0, event: 0, attempt: attempt + 1)
    if left > 0 { try append(queue: results[1], to: &part) }
    if left > 0, part.sequence == nil { try append(events: results[2], to: &part) }
    return end(part)
  }

  /// What is left of a machine whose head was exported.
  private mutating func rest(_ part: ExportPosition.Partial) throws -> ExportPosition {
    var pipeline = Pipeline()
    pipeline.append(
      Statements.exportState,
      .with {
        $0.append(shard(part.id))
        $0.append(namespace.number)
        $0.append(part.id)
      })
    if let sequence = part.sequence {
      pipeline.append(Statements.listNotifications, queueParameters(part.id, behind: sequence))
    } else {
      pipeline.append(Statements.exportEvents, eventParameters(part.id, behind: part.event))
    }
    try goOn()
    let results = try connection.run(pipeline, timeout: timeout)
    return try readable(part.id) { reading in try reading.rest(part, results) }
  }

  private mutating func rest(
    _ part: ExportPosition.Partial, _ results: [ResultSet]
  ) throws -> ExportPosition {
    guard let row = results[0].first else {
      parts.append(.end(MachineEnd(id: part.id, discarded: "it was removed meanwhile")))
      return .after(part.id)
    }
    let (key, version): (Int64, Int64) = (try row.value(0), try row.value(1))
    guard key == part.key, part.sequence == nil || version == part.version else {
      if part.attempt >= Self.maximumAttempts {
        throw ProgressorError.exportedMachineChanged(machine(part.id))
      }
      parts.append(.end(MachineEnd(id: part.id, discarded: "it changed meanwhile")))
      return .at(part.id, attempt: part.attempt)
    }
    var part = part
    if part.sequence != nil {
      try append(queue: results[1], to: &part)
    } else {
      try append(events: results[1], to: &part)
    }
    return end(part)
  }

  private mutating func end(_ part: ExportPosition.Partial) -> ExportPosition {
    guard part.sequence == nil, part.event >= part.lastEventID else { return .within(part) }
    parts.append(.end(MachineEnd(id: part.id)))
    return .after(part.id)
  }

  private mutating func append(
    queue rows: ResultSet, to part: inout ExportPosition.Partial
  ) throws {
    var queue: [PortableNotification] = []
    var looked: Int64 = 0
    for row in rows {
      guard let count: Int64 = try row.optional(0) else { break }
      looked = count
      var reader = RowReader(row, from: 1)
      let notification = try reader.nextNotification()
      if isPageOfItsOwn(notification.args.count, behind: !queue.isEmpty) { break }
      part.sequence = notification.sequence
      bytes += Int64(notification.args.count) + 256
      queue.append(PortableNotification(notification))
    }
    // Whether there are more: as many were looked at as may be, or not all of those are here.
    if looked == Int64(queue.count), looked < Int64(Self.notificationsPerPage) {
      part.sequence = nil
    }
    if !queue.isEmpty { parts.append(.notifications(queue)) }
  }

  private mutating func append(
    events rows: ResultSet, to part: inout ExportPosition.Partial
  ) throws {
    var events: [Event] = []
    for row in rows {
      var reader = RowReader(row)
      let event = try reader.nextEvent(id: try reader.next())
      // Of a step since the head was read.
      if event.id > part.lastEventID { break }
      guard event.id == part.event + 1 else {
        throw ProgressorError.damagedExport(
          machine(part.id), "event \(part.event + 1) of \(part.lastEventID) is missing")
      }
      if isPageOfItsOwn(event.body.data.count, behind: !events.isEmpty) { break }
      part.event = event.id
      bytes += Int64(event.body.data.count) + 64
      events.append(event)
    }
    if !events.isEmpty { parts.append(.events(events)) }
    guard events.isEmpty, part.event < part.lastEventID, !isFull else { return }
    throw ProgressorError.damagedExport(
      machine(part.id), "event \(part.event + 1) of \(part.lastEventID) is missing")
  }

  /// What cannot be understood is told with the machine's name.
  private mutating func readable(
    _ id: String, _ body: (inout ExportReading) throws -> ExportPosition
  ) throws -> ExportPosition {
    do { return try body(&self) } catch let error as PostgreSQLError {
      guard error.scope == .unexpectedValue else { throw error }
      throw ProgressorError.damagedExport(machine(id), error.message)
    }
  }

  private func queueParameters(_ id: String, behind sequence: Int64) -> Parameters {
    .with {
      $0.append(shard(id))
      $0.append(namespace.number)
      $0.append(id)
      $0.append(sequence)
      $0.append(Self.notificationsPerPage)
      $0.append(max(1, left))
    }
  }

  private func eventParameters(_ id: String, behind event: Int64) -> Parameters {
    .with {
      $0.append(shard(id))
      $0.append(namespace.number)
      $0.append(id)
      $0.append(event)
      $0.append(Self.eventsPerPage)
      $0.append(max(1, left))
    }
  }
}

extension PortableMachine {
  init(_ row: MachineRow) {
    self.init(
      id: row.machine.id, createdAt: row.createdAt,
      since: row.failure == nil ? row.repairedAt : nil, failure: row.failure, pause: row.pause,
      auxState: row.auxState,
      timer: row.timer.map { timer in
        PortableTimer(
          firesAt: timer.firesAt, historyRange: timer.historyRange,
          processingTimeout: timer.processingTimeout, metadata: timer.context.entries,
          retry: timer.retry)
      }, lastEventID: row.lastEventID, queuedNotifications: row.notificationCount,
      waitingFor: row.waitingFor)
  }
}

extension PortableNotification {
  init(_ queued: QueuedNotification) {
    self.init(
      acceptedAt: queued.acceptedAt, args: queued.args, historyRange: queued.historyRange,
      metadata: queued.context.entries, retry: queued.retry)
  }
}
