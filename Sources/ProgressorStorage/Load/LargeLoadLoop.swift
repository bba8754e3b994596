import Logging
import PostgreSQL
import ProgressorEngine

/// Reads large loads in turns, so that none waits for the whole of another.
struct LargeLoadLoop {
  let reader: ReaderSession<MachineLoader.Item>
  let deliver: @Sendable (Input) -> Void

  private var active: [LargeLoad] = []
  private var backoff = LargeLoadLoop.firstBackoff

  /// At a time: they are held in memory until they are complete.
  private static let maximumActive = 4
  private static let firstBackoff = Backoff(
    initial: .milliseconds(20), maximum: .milliseconds(500))

  init(
    reader: ReaderSession<MachineLoader.Item>, deliver: @escaping @Sendable (Input) -> Void
  ) {
    self.reader = reader
    self.deliver = deliver
  }

  /// Until the thread is told to stop and each load was answered.
  mutating func run() {
    while true {
      if active.count < Self.maximumActive {
        switch waitForItems() {
        case .items(let items): active += items.map { LargeLoad($0) }
        case .timedOut, .connectionLost: break
        case .stopped where active.isEmpty: return
        case .stopped: break
        }
      }
      takeTurns()
    }
  }

  private func waitForItems() -> ConnectionSession<MachineLoader.Item>.Turn {
    active.isEmpty
      ? reader.waitForItems(atMost: Self.maximumActive)
      : reader.session.waitForItems(
        atMost: Self.maximumActive - active.count, timeout: .zero)
  }

  /// A piece of each.
  private mutating func takeTurns() {
    var rest: [LargeLoad] = []
    for (index, load) in active.enumerated() {
      var load = load
      if LocalClock.uptime() >= load.item.deadline {
        fail(load, .unavailable)
        continue
      }
      do {
        let connection = try reader.connection()
        guard let answer = try load.turn(on: connection, timeout: reader.timeout) else {
          rest.append(load)
          continue
        }
        backoff = Self.firstBackoff
        Remains(reader: reader, deliver: deliver).conclude(load.item, answer)
      } catch {
        if let failure = ReadFailure(error) {
          if error.isDamage {
            Remains(reader: reader, deliver: deliver).answer(load.item, error.description)
          } else {
            fail(load, failure)
          }
          continue
        }
        // A time-out is this one's; a lost session is everybody's.
        if error.scope == .timeout {
          fail(load, .unavailable)
        } else {
          rest.append(load)
        }
        rest += active[(index + 1)...]
        active = rest
        return lost(error)
      }
    }
    active = rest
  }

  private mutating func lost(_ error: PostgreSQLError) {
    reader.session.disconnect()
    for index in active.indices { active[index].restart() }
    reader.logger.debug("large reads are repeated", metadata: ["error": "\(error)"])
    if reader.pause(&backoff) { return }
    for load in active { fail(load, .unavailable) }
    active = []
  }

  private func fail(_ load: LargeLoad, _ failure: ReadFailure) {
    deliver(.loaded(load.item.request.id, .failure(failure)))
  }
}
