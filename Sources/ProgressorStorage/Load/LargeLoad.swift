import MachineModel
import PostgreSQL
import ProgressorEngine

/// A load that is read apart from others, in pieces of which each is short: first everything but
/// the history, then how large that is, and only if it is not too large its pages.
struct LargeLoad {
  let item: MachineLoader.Item
  private var stage = Stage.rows
  private var loaded = Loaded()
  /// The first reading of the history had a hole: the machine may have been removed meanwhile.
  private var hadHole = false

  private enum Stage {
    case rows
    case size(HistorySpan, next: Int64, bytes: Int64)
    case pages(HistorySpan, next: Int64)
  }

  init(_ item: MachineLoader.Item) {
    self.item = item
  }

  /// Everything anew: what is known may be of another database.
  mutating func restart() {
    stage = .rows
    loaded = Loaded()
  }

  /// Reads a piece. The answer, when it was the last one.
  mutating func turn(
    on connection: Connection, timeout: Duration
  ) throws(PostgreSQLError) -> LoadRound.Answer? {
    switch stage {
    case .rows:
      let round = LoadRound([item.request], .apart)
      let (answer, span) = try round.readApart(on: connection, timeout: timeout)
      guard case .found(let found) = answer else { return answer }
      loaded = found
      guard let span else { return .found(loaded) }
      if span.isTooLong { return tooLarge }
      stage = .size(span, next: span.first, bytes: 0)
    case .size(let span, let next, let bytes):
      let piece = try span.size(from: next, on: connection, timeout: timeout)
      let sum = bytes + piece.bytes
      if sum > Int64(item.request.historyBytes) { return tooLarge }
      if piece.next > span.last {
        stage = .pages(span, next: span.first)
      } else {
        stage = .size(span, next: piece.next, bytes: sum)
      }
    case .pages(let span, let next):
      let page = try span.page(from: next, on: connection, timeout: timeout)
      loaded.history += page
      if let last = page.last?.id, last < span.last {
        stage = .pages(span, next: last + 1)
        return nil
      }
      return finished(span)
    }
    return nil
  }

  private var tooLarge: LoadRound.Answer {
    var loaded = loaded
    loaded.historyTooLarge = true
    return .found(loaded)
  }

  /// A hole means that the machine was removed since its row was read; if its row is still there,
  /// the history is damaged, and shown as it is.
  private mutating func finished(_ span: HistorySpan) -> LoadRound.Answer? {
    if Int64(loaded.history.count) != span.count, !hadHole {
      hadHole = true
      restart()
      return nil
    }
    if item.request.history?.direction == .backward { loaded.history.reverse() }
    return .found(loaded)
  }
}
