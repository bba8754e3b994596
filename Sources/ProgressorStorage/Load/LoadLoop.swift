import Logging
import PostgreSQL
import ProgressorEngine

/// Answers a round of loads, whatever happens to the database meanwhile.
struct LoadLoop {
  let reader: ReaderSession<MachineLoader.Item>
  let deliver: @Sendable (Input) -> Void

  /// Answers each of `items` exactly once.
  func answer(_ items: [MachineLoader.Item]) {
    var waiting = items
    var backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(500))
    while !waiting.isEmpty {
      do {
        let connection = try reader.connection()
        waiting = try read(waiting, on: connection)
      } catch {
        if let failure = ReadFailure(error) {
          guard error.isDamage else {
            fail(waiting, failure)
            return
          }
          if waiting.count == 1 {
            answerRemains(waiting[0], error.description)
            return
          }
          // One row spoils the statement for all: each alone.
          for item in waiting { answer([item]) }
          return
        }
        reader.session.disconnect()
        waiting = withoutLate(waiting)
        if waiting.isEmpty { return }
        reader.logger.debug("a read is repeated", metadata: ["error": "\(error)"])
        guard reader.pause(&backoff) else {
          fail(waiting, .unavailable)
          return
        }
      }
    }
  }

  /// Reads one round and delivers it. Returns what did not fit into the memory of a round; the first
  /// load always fits.
  private func read(
    _ items: [MachineLoader.Item], on connection: Connection
  ) throws(PostgreSQLError) -> [MachineLoader.Item] {
    let round = LoadRound(items.map(\.request))
    let answers = try round.read(on: connection, timeout: reader.timeout)
    var deferred: [MachineLoader.Item] = []
    for (item, answer) in zip(items, answers) {
      switch answer {
      case .found(let loaded): deliver(.loaded(item.request.id, .success(loaded)))
      case .unreadable(let why): answerRemains(item, why)
      case .unreadableKey(let why): deliver(.loaded(item.request.id, .failure(.unreadable(why))))
      case .deferred: deferred.append(item)
      }
    }
    return deferred
  }

  /// The machine's rows cannot be read: what is left of it.
  private func answerRemains(_ item: MachineLoader.Item, _ why: String) {
    let request = item.request
    let parameters = Parameters.with {
      $0.append(request.shard.number)
      $0.append(request.namespace.number)
      $0.append(request.machine.id)
    }
    do {
      let row = try reader.connection().run(
        Statements.loadRemains, parameters, timeout: reader.timeout
      ).first
      guard let row else { return fail([item], .unreadable(why)) }
      var columns = RowReader(row)
      let remains = try columns.nextRemains(of: request)
      deliver(.loaded(request.id, .success(Loaded(row: remains, damage: why))))
    } catch {
      reader.logger.error(
        "nothing of a damaged machine can be read",
        metadata: ["machine": "\(request.machine)", "error": "\(error)"])
      fail([item], ReadFailure(error) ?? .unavailable)
    }
  }

  private func withoutLate(_ items: [MachineLoader.Item]) -> [MachineLoader.Item] {
    let now = LocalClock.uptime()
    fail(items.filter { $0.deadline <= now }, .unavailable)
    return items.filter { $0.deadline > now }
  }

  private func fail(_ items: [MachineLoader.Item], _ failure: ReadFailure) {
    for item in items { deliver(.loaded(item.request.id, .failure(failure))) }
  }
}
