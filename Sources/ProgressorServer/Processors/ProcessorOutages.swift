import GRPC
import Logging
import MachineModel
import NIOCore
import Synchronization

/// Tells the log of processors that cannot be reached: once for the node, however many of its
/// channels, of this engine or that, find it out. From any thread.
final class ProcessorOutages: Sendable {
  private struct State {
    /// Of endpoints that some channel does not reach.
    var outages: [ExactText: SharedOutage] = [:]
    var lastChannel = 0
  }

  private let state = Mutex(State())
  private let logger: Logger

  init(logger: Logger) { self.logger = logger }

  /// Whether a channel of the node wants the endpoint and does not reach it.
  func isAway(_ endpoint: String) -> Bool {
    state.withLock { $0.outages[ExactText(endpoint)] != nil }
  }

  /// What a channel to the endpoint is to tell of its outages.
  func observer(of endpoint: String) -> @Sendable (ChannelOutage) -> Void {
    let channel = state.withLock { state in
      state.lastChannel += 1
      return state.lastChannel
    }
    return { [self] in take($0, from: channel, of: endpoint) }
  }

  private func take(_ event: ChannelOutage, from channel: Int, of endpoint: String) {
    let key = ExactText(endpoint)
    // Within the lock, so that lines come in the order of what they tell.
    state.withLock { state in
      var outage = state.outages[key] ?? SharedOutage()
      if let news = outage.take(event, from: channel) { log(news, of: endpoint) }
      state.outages[key] = outage.isOver ? nil : outage
    }
  }

  private func log(_ news: SharedOutage.News, of endpoint: String) {
    switch news {
    case .began(let reason, let waiting):
      logger.warning(
        "the endpoint cannot be reached",
        metadata: ["endpoint": "\(endpoint)", "reason": "\(reason)", "waiting": "\(waiting)"])
    case .ended(let time, let waited):
      let seconds = Double(time.nanoseconds / 1_000_000) / 1_000
      logger.notice(
        "the endpoint can be reached again",
        metadata: [
          "endpoint": "\(endpoint)", "away_seconds": "\(seconds)", "waited": "\(waited)",
        ])
    }
  }
}

/// An outage of one endpoint as several channels to it see it: it begins with the first that does
/// not reach it, and ends with the last that reaches it again.
struct SharedOutage {
  /// What is worth a line.
  enum News: Hashable {
    case began(reason: String, waiting: Int)
    /// After so long; so many calls waited, of all channels.
    case ended(after: TimeAmount, waited: Int)
  }

  /// Channels that do not reach it, by number.
  private var away: Set<Int> = []
  private var since: NIODeadline?
  /// When a channel reached it last; nil = none has since the outage began.
  private var reachedAt: NIODeadline?
  private var waited = 0

  /// No channel misses it.
  var isOver: Bool { away.isEmpty }

  /// What a channel found out. Of an outage whose end no channel has seen, nothing is said.
  mutating func take(_ event: ChannelOutage, from channel: Int) -> News? {
    switch event {
    case .began(let since, let reason, let waiting):
      let isFirst = away.isEmpty
      away.insert(channel)
      self.since = min(self.since ?? since, since)
      return isFirst ? .began(reason: reason, waiting: waiting) : nil
    case .ended(let since, let now, let waited):
      guard away.remove(channel) != nil else { return nil }
      self.since = min(self.since ?? since, since)
      self.waited += waited
      reachedAt = max(reachedAt ?? now, now)
    case .abandoned:
      guard away.remove(channel) != nil else { return nil }
    }
    guard away.isEmpty else { return nil }
    defer { self = SharedOutage() }
    guard let since, let reachedAt else { return nil }
    return .ended(after: reachedAt - since, waited: waited)
  }
}
