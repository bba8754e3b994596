import MachineModel
import NIOCore
import ProgressorEngine
import Synchronization

/// Watches what the engines are told and tells the health service. Safe from any thread.
final class HealthMonitor: InputObserver {
  private struct Watched {
    var state = ServingState()
    var role = NodeRole()
    var expiry: (time: Int64, task: Scheduled<Void>)?
  }

  private let health: HealthService
  private let roles: RoleLog
  private let eventLoop: any EventLoop
  private let watched = Mutex(Watched())

  /// - Parameter eventLoop: On which the end of a lease that nobody renews is noticed.
  init(health: HealthService, roles: RoleLog, eventLoop: any EventLoop) {
    self.health = health
    self.roles = roles
    self.eventLoop = eventLoop
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
    case .request, .cancelled, .loaded, .listed, .traceRead, .due, .processorAnswered,
      .endpointReady,
      .permits, .namespacesChanged, .timePassed:
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
      watched.expiry?.task.cancel()
      watched.expiry = nil
    }
    health.stop()
  }

  /// In the lock, so that what is told last is what is so. Called by whoever tells it, in whatever
  /// lock he holds: the time of day, which storage knows, is not asked for.
  private func publish(_ watched: inout Watched) {
    let now = NodeClock.uptime()
    health.update(isServing: watched.state.isServing(at: now))
    let time = watched.state.endsServing(at: now)
    if let expiry = watched.expiry, expiry.time == time { return }
    watched.expiry?.task.cancel()
    watched.expiry = time.map { time in
      // A lease that nobody renews ends without an input.
      let deadline = NIODeadline.now() + .microseconds(max(0, time - now) + 1_000)
      return (time, eventLoop.scheduleTask(deadline: deadline) { self.expired(time) })
    }
  }

  private func expired(_ time: Int64) {
    watched.withLock { watched in
      if watched.expiry?.time == time { watched.expiry = nil }
      publish(&watched)
    }
  }
}
