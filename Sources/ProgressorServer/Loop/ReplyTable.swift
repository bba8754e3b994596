import NIOCore
import ProgressorEngine

/// Who waits for an answer. Answers of one turn are handed to each client loop together, so that
/// those for one connection leave in one write.
struct ReplyTable {
  private var targets: [RequestID: any ReplyTarget] = [:]
  private var collected: [ObjectIdentifier: Group] = [:]

  private struct Group {
    let eventLoop: any EventLoop
    var replies: [(target: any ReplyTarget, reply: Reply)] = []
  }

  /// Requests without an answer so far.
  var count: Int { targets.count }

  mutating func insert(_ target: any ReplyTarget, for request: RequestID) {
    targets[request] = target
  }

  /// Keeps an answer for `sendCollected()`; dropped when nobody waits for it.
  mutating func collect(_ reply: Reply, for request: RequestID) {
    guard let target = targets.removeValue(forKey: request) else { return }
    let eventLoop = target.eventLoop
    collected[ObjectIdentifier(eventLoop), default: Group(eventLoop: eventLoop)].replies
      .append((target, reply))
  }

  /// Gives everybody the same answer.
  mutating func answerAll(_ reply: Reply) {
    for request in Array(targets.keys) { collect(reply, for: request) }
    sendCollected()
  }

  /// Sends what was collected: at once on this loop, by one hand-over on each other one.
  mutating func sendCollected() {
    for group in collected.values {
      let replies = group.replies
      if group.eventLoop.inEventLoop {
        for (target, reply) in replies { target.send(reply) }
      } else {
        group.eventLoop.execute {
          for (target, reply) in replies { target.send(reply) }
        }
      }
    }
    collected.removeAll(keepingCapacity: true)
  }
}
