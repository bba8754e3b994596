import MachineModel
import ProgressorProto
import Synchronization

/// Prints entries as they come, and knows how far it has got.
final class FeedView: Sendable {
  private struct State {
    var cursors: [ShardID: Int64] = [:]
    var shown: Set<ShardID> = []
    var rest: Int?
    var hasBegun = false
    var isInterrupted = false
  }

  private let wanted: FeedSubscription
  private let json: Bool
  private let state: Mutex<State>

  init(_ wanted: FeedSubscription, limit: Int?, json: Bool) {
    (self.wanted, self.json) = (wanted, json)
    state = Mutex(State(rest: limit))
  }

  /// What is to be asked for to go on.
  var subscription: FeedSubscription {
    let cursors = state.withLock { $0.cursors }
    var subscription = wanted
    subscription.cursors = cursors.map { FeedCursor(shard: $0.key, sequence: $0.value) }
      .sorted { $0.shard < $1.shard }
    return subscription
  }

  /// A server has answered.
  var hasBegun: Bool { state.withLock { $0.hasBegun } }
  /// As much was shown as was wanted.
  var hasEnough: Bool { state.withLock { $0.rest == 0 } }

  /// How far it has got in shards in which it has got on since this was asked last.
  func takeShown() -> [FeedCursor] {
    state.withLock { state in
      defer { state.shown = [] }
      return state.shown.sorted().map {
        FeedCursor(shard: $0, sequence: state.cursors[$0] ?? 0)
      }
    }
  }

  /// Shows it. False = that is enough.
  func show(_ response: SubscribeResponse) -> Bool {
    state.withLock { state in
      state.hasBegun = true
      state.isInterrupted = false
      switch response {
      case .entry(let entry):
        if json {
          Output.printLine(FeedOutput.json(entry))
        } else {
          Output.print(FeedOutput.line(entry))
        }
        state.cursors[entry.shard] = entry.sequence
        state.shown.insert(entry.shard)
        state.rest = state.rest.map { $0 - 1 }
      case .progress(let cursors):
        for cursor in cursors {
          state.cursors[cursor.shard] = cursor.sequence
          state.shown.insert(cursor.shard)
        }
      }
      return state.rest != 0
    }
  }

  /// Said once until something is shown again.
  func isInterrupted(by failure: ClientFailure) {
    let isNew = state.withLock { state in
      defer { state.isInterrupted = true }
      return !state.isInterrupted
    }
    if isNew { Output.printError("\(failure.status.code.name): waiting for a server") }
  }
}
