import Logging
import PostgreSQL
import ProgressorEngine

/// Answers a round of loads, whatever happens to the database meanwhile.
struct LoadLoop {
  let reader: ReaderSession<MachineLoader.Item>
  let deliver: @Sendable (Input) -> Void
  /// Takes a load that is too large to be read together with others.
  let readApart: @Sendable (MachineLoader.Item) -> Void

  /// Answers each of `items` exactly once, or has it read apart.
  func answer(_ items: [MachineLoader.Item]) {
    var waiting = items
    var backoff = Backoff(initial: .milliseconds(20), maximum: .milliseconds(500))
    while true {
      waiting = withoutLate(waiting)
      if waiting.isEmpty { return }
      do {
        waiting = try read(waiting, on: reader.connection())
      } catch {
        if waiting.count > 1, error.isDamage || error.isTimeout {
          if error.scope != .statement { reader.session.disconnect() }
          // One row spoils the statement for all: each alone.
          for item in waiting { answer([item]) }
          return
        }
        if let failure = ReadFailure(error) {
          if error.isDamage {
            Remains(reader: reader, deliver: deliver).answer(waiting[0], error.description)
          } else {
            fail(waiting, failure)
          }
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

  /// Reads one round and delivers it. Returns what did not fit into the memory of a round.
  private func read(
    _ items: [MachineLoader.Item], on connection: Connection
  ) throws(PostgreSQLError) -> [MachineLoader.Item] {
    let round = LoadRound(items.map(\.request), .shared)
    let answers = try round.read(on: connection, timeout: reader.timeout)
    var deferred: [MachineLoader.Item] = []
    for (item, answer) in zip(items, answers) {
      switch answer {
      case .found, .unreadable, .unreadableKey:
        Remains(reader: reader, deliver: deliver).conclude(item, answer)
      case .deferred: deferred.append(item)
      case .apart: readApart(item)
      }
    }
    return deferred
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

extension PostgreSQLError {
  /// The time of the statement was over, by this side's clock or the server's.
  fileprivate var isTimeout: Bool { scope == .timeout || sqlState == .queryCanceled }
}
