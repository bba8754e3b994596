import MachineModel
import NIOCore
import ProgressorEngine
import Synchronization

/// Watches what the engines are told and tells the health service. Safe from any thread.
final class HealthMonitor: InputObserver {
  private struct Watched {
    var state = ServingState()
    var role = NodeRole()
    /// When serving ends, if no input comes.
    var end: Int64?
  }

  private let health: HealthService
  private let roles: RoleLog
  private let eventLoop: any EventLoop
  private let watched = Mutex(Watched())
  /// For the end of serving that no input tells of; nil before the first and after the last.
  private let alarm: NIOLoopBoundBox<Alarm?>

  /// - Parameter eventLoop: On which the end of a lease that nobody renews is noticed.
  init(health: HealthService, roles: RoleLog, eventLoop: any EventLoop) {
    self.health = health
    self.roles = roles
    self.eventLoop = eventLoop
    alarm = .makeBoxSendingValue(nil, eventLoop: eventLoop)
    eventLoop.execute {
      self.alarm.value = Alarm(on: eventLoop) { [weak self] in self?.ended() }
    }
  }

  func observe(_ input: Input) {
    switch input {
    case .leaseRenewed, .shardsAcquired, .shardsLost, .commitDelayed, .committed, .refused,
      .fenced:
      watched.withLock { watched in
        if watched.state.observe(input) { publish(&watched) }
        let shards = watched.state.ownedShards.count
        if !watched.state.isStopping, let news = watched.role.observe(input, shards: shards) {
          roles.tell(news)
        }
      }
    case .request, .cancelled, .loaded, .listed, .traceRead, .due, .messagesDue, .messagesLoaded,
      .delivered, .processorAnswered, .endpointReady, .permits, .namespacesChanged, .timePassed:
      break
    }
  }

  /// A session with the database is missing, or none is any more.
  func sessionsChanged(areThere: Bool) {
    watched.withLock { watched in
      watched.state.sessionsChanged(areThere: areThere, at: NodeClock.uptime())
      publish(&watched)
    }
  }

  /// Why machines are not served now, in a line; nil = they are.
  var obstacle: String? {
    watched.withLock { $0.state.obstacle(at: NodeClock.uptime()) }
  }

  /// NOT_SERVING from now on, for good.
  func stop() {
    watched.withLock { watched in
      watched.state.isStopping = true
    }
    eventLoop.execute { self.alarm.value = nil }
    health.stop()
  }

  /// In the lock, so that what is told last is what is so. Called by whoever tells it, in whatever
  /// lock he holds: the time of day, which storage knows, is not asked for.
  private func publish(_ watched: inout Watched) {
    let now = NodeClock.uptime()
    health.update(isServing: watched.state.isServing(at: now))
    let time = watched.state.endsServing(at: now)
    if watched.end == time { return }
    watched.end = time
    let deadline = time.map { NIODeadline.now() + .microseconds(max(0, $0 - now) + 1_000) }
    // In the lock, so that the alarm is set for what is so in the end.
    eventLoop.execute { self.alarm.value?.set(at: deadline) }
  }

  /// A lease that nobody renewed has ended, or is about to.
  private func ended() {
    watched.withLock { watched in
      watched.end = nil
      publish(&watched)
    }
  }
}
