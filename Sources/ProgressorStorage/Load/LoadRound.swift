import MachineModel
import PostgreSQL
import ProgressorEngine

/// Many loads in one pipeline, that is in one snapshot: a statement for each kind of row that any
/// of them wants.
struct LoadRound {
  enum Answer {
    case found(Loaded)
    /// Only this load's rows cannot be understood.
    case unreadable(String)
    /// The remembered reply that it asked for cannot: that says nothing of the machine.
    case unreadableKey(String)
    /// Beyond what one round may hold in memory: ask again in another.
    case deferred
    /// Larger than what is read together with others.
    case apart
  }

  /// What a round brings at most, of each kind of row.
  struct Bounds {
    /// Of one load; what is larger is read apart.
    var events: Int64
    var bytes: Int64
    /// Of all; a single load may exceed it.
    var roundBytes: Int64

    /// A round is over within milliseconds, so that whoever comes next does not wait for long.
    static let shared = Bounds(events: 500, bytes: 512 << 10, roundBytes: 4 << 20)
    /// Of a load that is read apart nothing is too large but its history, of which only the place
    /// is told.
    static let apart = Bounds(events: 0, bytes: .max, roundBytes: .max)
  }

  private let requests: [LoadRequest]
  private let bounds: Bounds

  init(_ requests: [LoadRequest], _ bounds: Bounds) {
    self.requests = requests
    self.bounds = bounds
  }

  private typealias Wanted<Value> = (load: Int32, request: LoadRequest, value: Value)

  /// How the rows of one statement are read. They begin with the number of the load and its place.
  private struct Reading {
    var read: (inout RowReader, LoadRequest, inout Loaded) throws -> Void
    var damage: (String) -> Answer = { .unreadable($0) }
  }

  /// Answers in the order of the requests.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [Answer] {
    let (pipeline, readings) = statements()
    var answers = [Answer](repeating: .found(Loaded()), count: requests.count)
    let results = try connection.run(pipeline, timeout: timeout)
    for (index, reading) in readings.enumerated() {
      try collect(results[index], reading, &answers)
    }
    return answers.indices.map { finished(answers[$0], of: requests[$0]) }
  }

  /// All of a load but its history, and where that lies; nil = nowhere, or none was asked for. For
  /// a round with one request, within the bounds of those that are read apart.
  func readApart(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> (Answer, HistorySpan?) {
    var (pipeline, readings) = statements(withHistories: false)
    appendHistories(to: &pipeline)
    var answers = [Answer](repeating: .found(Loaded()), count: requests.count)
    if pipeline.isEmpty { return (answers[0], nil) }
    let results = try connection.run(pipeline, timeout: timeout)
    for (index, reading) in readings.enumerated() {
      try collect(results[index], reading, &answers)
    }
    let answer = finished(answers[0], of: requests[0])
    guard results.count > readings.count, let row = results.last?.first else {
      return (answer, nil)
    }
    return (answer, try HistorySpan(row, of: requests[0]))
  }

  private func statements(withHistories: Bool = true) -> (Pipeline, [Reading]) {
    var pipeline = Pipeline()
    var readings: [Reading] = []
    if appendRows(to: &pipeline) {
      readings.append(
        Reading { reader, request, loaded in
          loaded.row = try reader.nextMachineRow(of: request)
        })
    }
    if appendMessageNames(to: &pipeline) {
      readings.append(
        Reading { reader, _, loaded in
          loaded.messageNames.append(
            MessageName(name: try reader.next(), number: try reader.next()))
        })
    }
    if appendMessages(to: &pipeline) {
      readings.append(
        Reading { reader, _, loaded in
          loaded.message = try reader.nextPendingMessage(args: [])
        })
    }
    if withHistories, appendHistories(to: &pipeline) {
      readings.append(
        Reading { reader, _, loaded in
          reader.skip(3)
          guard let id: Int64 = try reader.nextOptional() else { return }
          loaded.history.append(try reader.nextEvent(id: id))
        })
    }
    if appendNotifications(to: &pipeline) {
      readings.append(
        Reading { reader, _, loaded in
          loaded.notifications.append(try reader.nextNotification())
        })
    }
    if appendIdempotency(to: &pipeline) {
      readings.append(
        Reading(
          read: { reader, _, loaded in loaded.idempotency = try reader.nextIdempotency() },
          damage: { .unreadableKey($0) }))
    }
    return (pipeline, readings)
  }

  private func collect(
    _ result: ResultSet, _ reading: Reading, _ answers: inout [Answer]
  ) throws(PostgreSQLError) {
    for row in result {
      let load: Int32 = try row.value(0)
      let place: Int32 = try row.value(1)
      let index = Int(load)
      guard answers.indices.contains(index) else {
        throw .unreadable("an answer to load \(load) of \(answers.count)")
      }
      if place == 2 {
        answers[index] = .apart
        continue
      }
      guard case .found(var loaded) = answers[index] else { continue }
      // No second reference to what is appended to.
      answers[index] = .deferred
      if place == 1 { continue }
      do {
        var reader = RowReader(row, from: 2)
        try reading.read(&reader, requests[index], &loaded)
        answers[index] = .found(loaded)
      } catch {
        answers[index] = reading.damage("\(error)")
      }
    }
  }

  /// Orders what came in no order, and shows a history in the direction asked for.
  private func finished(_ answer: Answer, of request: LoadRequest) -> Answer {
    guard case .found(var loaded) = answer else { return answer }
    if loaded.history.reduce(0, { $0 + $1.body.data.count }) > request.historyBytes {
      loaded.history = []
      loaded.historyTooLarge = true
    }
    loaded.notifications.sort { $0.sequence < $1.sequence }
    if request.history?.direction == .backward {
      loaded.history.sort { $0.id > $1.id }
    } else {
      loaded.history.sort { $0.id < $1.id }
    }
    return .found(loaded)
  }
}

/// The statements of a round. Each says whether there is anything to ask.
extension LoadRound {
  private func wanted<Value>(_ value: (LoadRequest) -> Value?) -> [Wanted<Value>] {
    requests.enumerated().compactMap { index, request in
      value(request).map { (Int32(index), request, $0) }
    }
  }

  /// The number of the load, shard, namespace, id.
  private func parameters<Value>(
    _ wanted: [Wanted<Value>], _ fill: (inout Parameters) -> Void
  ) -> Parameters {
    .with {
      $0.appendArray(wanted) { $0.load }
      $0.appendArray(wanted) { $0.request.shard.number }
      $0.appendArray(wanted) { $0.request.namespace.number }
      $0.appendArray(wanted) { $0.request.machine.id }
      fill(&$0)
    }
  }

  private func appendRows(to pipeline: inout Pipeline) -> Bool {
    let rows = wanted { $0.row ? true : nil }
    if rows.isEmpty { return false }
    pipeline.append(
      Statements.loadRows,
      parameters(rows) {
        $0.append(bounds.bytes)
        $0.append(bounds.roundBytes)
      })
    return true
  }

  private func appendMessageNames(to pipeline: inout Pipeline) -> Bool {
    let rows = wanted { $0.row ? true : nil }
    if rows.isEmpty { return false }
    pipeline.append(Statements.loadMessageNames, parameters(rows) { _ in })
    return true
  }

  private func appendMessages(to pipeline: inout Pipeline) -> Bool {
    let messages = wanted(\.message)
    if messages.isEmpty { return false }
    pipeline.append(
      Statements.loadMessage, parameters(messages) { $0.appendArray(messages) { $0.value } })
    return true
  }

  @discardableResult
  private func appendHistories(to pipeline: inout Pipeline) -> Bool {
    let ranges = wanted(\.history)
    if ranges.isEmpty { return false }
    pipeline.append(
      Statements.loadHistories,
      parameters(ranges) {
        // No history is so long; the sum with a limit must not overflow.
        $0.appendArray(ranges) { min($0.value.after, .max / 2) }
        $0.appendArray(ranges) { $0.value.limit }
        $0.appendArray(ranges) { $0.value.direction == .backward }
        $0.append(bounds.events)
        $0.append(bounds.bytes)
        $0.append(bounds.roundBytes)
      })
    return true
  }

  private func appendNotifications(to pipeline: inout Pipeline) -> Bool {
    let pages = wanted { $0.notificationsAfter ?? ($0.row ? 0 : nil) }
    if pages.isEmpty { return false }
    pipeline.append(
      Statements.loadNotifications,
      parameters(pages) {
        $0.appendArray(pages) { $0.value }
        $0.append(Int32(LoadRequest.notificationPage))
        $0.append(Int64(LoadRequest.notificationPageBytes))
        $0.append(bounds.bytes)
        $0.append(bounds.roundBytes)
      })
    return true
  }

  private func appendIdempotency(to pipeline: inout Pipeline) -> Bool {
    let keys = wanted(\.idempotencyKey)
    if keys.isEmpty { return false }
    pipeline.append(
      Statements.loadIdempotency,
      parameters(keys) {
        $0.appendArray(keys) { $0.value }
        $0.append(bounds.bytes)
        $0.append(bounds.roundBytes)
      })
    return true
  }
}

extension RowReader {
  /// The columns behind the id of an event.
  mutating func nextEvent(id: Int64) throws(PostgreSQLError) -> Event {
    Event(
      id: id, createdAt: try nextTime(),
      body: Content(formatVersion: try next(), data: try next()))
  }
}
