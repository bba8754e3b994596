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
  }

  private let requests: [LoadRequest]

  /// Of each kind of row, bytes that one round may bring; a single load may exceed it.
  static let bytesPerRound: Int64 = 32 << 20

  init(_ requests: [LoadRequest]) {
    self.requests = requests
  }

  private typealias Wanted<Value> = (load: Int32, request: LoadRequest, value: Value)
  private typealias Reading = (inout RowReader, LoadRequest, inout Loaded) throws -> Void

  /// Answers in the order of the requests.
  func read(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> [Answer] {
    var pipeline = Pipeline()
    var readings: [Reading] = []
    appendRows(to: &pipeline, &readings)
    appendHistories(to: &pipeline, &readings)
    appendNotifications(to: &pipeline, &readings)
    let machines = readings.count
    appendIdempotency(to: &pipeline, &readings)
    var answers = [Answer](repeating: .found(Loaded()), count: requests.count)
    let results = try connection.run(pipeline, timeout: timeout)
    for (index, reading) in readings.enumerated() {
      try collect(results[index], reading, &answers) {
        index < machines ? .unreadable($0) : .unreadableKey($0)
      }
    }
    return answers.indices.map { finished(answers[$0], of: requests[$0]) }
  }

  /// Every statement answers with the number of the load and whether it fits into the round first.
  private func collect(
    _ result: ResultSet, _ reading: Reading, _ answers: inout [Answer],
    damage: (String) -> Answer
  ) throws(PostgreSQLError) {
    for row in result {
      let load: Int32 = try row.value(0)
      let fits: Bool = try row.value(1)
      let index = Int(load)
      guard answers.indices.contains(index) else {
        throw .unreadable("an answer to load \(load) of \(answers.count)")
      }
      guard case .found(var loaded) = answers[index] else { continue }
      if !fits {
        answers[index] = .deferred
        continue
      }
      // No second reference to what is appended to.
      answers[index] = .deferred
      do {
        var reader = RowReader(row, from: 2)
        try reading(&reader, requests[index], &loaded)
        answers[index] = .found(loaded)
      } catch {
        answers[index] = damage("\(error)")
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

  private func appendRows(to pipeline: inout Pipeline, _ readings: inout [Reading]) {
    let rows = wanted { $0.row ? true : nil }
    if rows.isEmpty { return }
    pipeline.append(
      Statements.loadRows, parameters(rows) { $0.append(Self.bytesPerRound) })
    readings.append { reader, request, loaded in
      loaded.row = try reader.nextMachineRow(of: request)
    }
  }

  private func appendHistories(to pipeline: inout Pipeline, _ readings: inout [Reading]) {
    let ranges = wanted(\.history)
    if ranges.isEmpty { return }
    pipeline.append(
      Statements.loadHistories,
      parameters(ranges) {
        // No history is so long; the sum with a limit must not overflow.
        $0.appendArray(ranges) { min($0.value.after, .max / 2) }
        $0.appendArray(ranges) { $0.value.limit }
        $0.appendArray(ranges) { $0.value.direction == .backward }
        $0.append(Int64(LoadRequest.maximumHistoryBytes))
        $0.append(Self.bytesPerRound)
      })
    readings.append { reader, _, loaded in
      loaded.historyTooLarge = try reader.next()
      guard let id: Int64 = try reader.nextOptional() else { return }
      loaded.history.append(
        Event(
          id: id, createdAt: try reader.nextTime(),
          body: Content(formatVersion: try reader.next(), data: try reader.next())))
    }
  }

  private func appendNotifications(to pipeline: inout Pipeline, _ readings: inout [Reading]) {
    let pages = wanted { $0.notificationsAfter ?? ($0.row ? 0 : nil) }
    if pages.isEmpty { return }
    pipeline.append(
      Statements.loadNotifications,
      parameters(pages) {
        $0.appendArray(pages) { $0.value }
        $0.append(Int32(LoadRequest.notificationPage))
        $0.append(Int64(LoadRequest.notificationPageBytes))
        $0.append(Self.bytesPerRound)
      })
    readings.append { reader, _, loaded in
      loaded.notifications.append(try reader.nextNotification())
    }
  }

  private func appendIdempotency(to pipeline: inout Pipeline, _ readings: inout [Reading]) {
    let keys = wanted(\.idempotencyKey)
    if keys.isEmpty { return }
    pipeline.append(
      Statements.loadIdempotency,
      parameters(keys) {
        $0.appendArray(keys) { $0.value }
        $0.append(Self.bytesPerRound)
      })
    readings.append { reader, _, loaded in
      loaded.idempotency = try reader.nextIdempotency()
    }
  }
}
