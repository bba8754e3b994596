import MachineModel
import ProgressorEngine
import ProgressorProto

/// What one Watch has shown of its machine, and what it shows next. Knows no sockets and no clock.
struct WatchProgress {
  /// The last event that was shown, or that the client knew.
  private var after: Int64
  /// What the machine was when it was shown last.
  private var shown: MachineMark?
  /// How many events to ask for: so many as the client takes at once.
  private var limit = WatchProgress.maximumLimit

  private static let maximumLimit: Int32 = 100
  /// How long nothing may happen before a heartbeat says so. Microseconds.
  private static let patience: Int64 = 20_000_000

  init(after: Int64) { self.after = after }

  /// The machine was shown.
  var hasShown: Bool { shown != nil }

  /// What to ask the engine for.
  var query: WatchQuery {
    WatchQuery(after: after, limit: limit, since: shown, patience: Self.patience)
  }

  /// What to send of an answer, in this order; nil = it is about another machine of the name.
  func messages(_ machine: Machine, _ mark: MachineMark) -> [WatchResponse]? {
    if let shown, shown.key != mark.key { return nil }
    var bare = machine
    bare.history = []
    bare.historyRange = HistoryRange(limit: 0)
    let events = machine.history.map { WatchResponse.event($0) }
    if shown == nil { return [.machine(bare)] + events }
    let isComplete = machine.lastEventID == machine.history.last?.id ?? after
    let news = events + (isComplete && shown != mark ? [.machine(bare)] : [])
    return news.isEmpty ? [.heartbeat] : news
  }

  /// It was sent, of an answer with this mark.
  mutating func sent(_ message: WatchResponse, _ mark: MachineMark) {
    switch message {
    case .machine: shown = mark
    case .event(let event):
      assert(event.id == after + 1, "events come without a gap")
      after = event.id
    case .heartbeat: break
    }
  }

  /// The client took so many of the messages of an answer.
  mutating func took(_ count: Int, of all: Int, showing machine: Machine) {
    let events = machine.history.count
    let isShort = events < limit && machine.lastEventID > machine.history.last?.id ?? after
    if count < all {
      limit = min(limit, Int32(clamping: max(1, 2 * count)))
    } else if isShort {
      // So many were too large together.
      limit = min(limit, Int32(clamping: max(1, 2 * events)))
    } else {
      limit = min(Self.maximumLimit, limit * 2)
    }
    assert((1...Self.maximumLimit).contains(limit), "something is asked for, and not too much")
  }
}
