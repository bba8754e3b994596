import Logging
import PostgreSQL
import ProgressorEngine

/// Reads large loads in turns, so that none waits for the whole of another.
struct LargeLoadLoop {
  let reader: ReaderSession<MachineLoader.Item>
  let deliver: @Sendable (Input) -> Void

  private var queue: LargeLoadQueue
  private var backoff = LargeLoadLoop.firstBackoff

  private static let firstBackoff = Backoff(
    initial: .milliseconds(20), maximum: .milliseconds(500))

  /// - Parameter capacity: of loads that wait, beside those in the mailbox.
  init(
    reader: ReaderSession<MachineLoader.Item>, capacity: Int,
    deliver: @escaping @Sendable (Input) -> Void
  ) {
    self.reader = reader
    self.deliver = deliver
    queue = LargeLoadQueue(capacity: capacity)
  }

  /// Until the thread is told to stop and each load was answered.
  mutating func run() {
    while true {
      if queue.room > 0 {
        switch waitForItems() {
        case .items(let items): queue.append(items)
        case .timedOut, .connectionLost: break
        case .stopped where queue.isEmpty: return
        case .stopped: break
        }
      }
      for item in queue.takeLate(at: LocalClock.uptime()) { fail(item, .unavailable) }
      if let load = queue.next() { takeTurn(load) }
    }
  }

  private func waitForItems() -> ConnectionSession<MachineLoader.Item>.Turn {
    queue.isEmpty
      ? reader.waitForItems(atMost: queue.room)
      : reader.session.waitForItems(atMost: queue.room, timeout: .zero)
  }

  /// A piece.
  private mutating func takeTurn(_ load: LargeLoad) {
    var load = load
    do {
      let connection = try reader.connection()
      guard let answer = try load.turn(on: connection, timeout: reader.timeout) else {
        return queue.giveBack(load)
      }
      backoff = Self.firstBackoff
      Remains(reader: reader, deliver: deliver).conclude(load.item, answer)
    } catch {
      if let failure = ReadFailure(error) {
        if error.isDamage {
          Remains(reader: reader, deliver: deliver).answer(load.item, error.description)
        } else {
          fail(load.item, failure)
        }
        return
      }
      // A time-out is this one's; a lost session is everybody's.
      if error.scope == .timeout {
        fail(load.item, .unavailable)
      } else {
        queue.giveBack(load)
      }
      lost(error)
    }
  }

  private mutating func lost(_ error: PostgreSQLError) {
    reader.session.disconnect()
    queue.restart()
    reader.logger.debug("large reads are repeated", metadata: ["error": "\(error)"])
    if reader.pause(&backoff) { return }
    for item in queue.takeAll() { fail(item, .unavailable) }
  }

  private func fail(_ item: MachineLoader.Item, _ failure: ReadFailure) {
    deliver(.loaded(item.request.id, .failure(failure)))
  }
}
