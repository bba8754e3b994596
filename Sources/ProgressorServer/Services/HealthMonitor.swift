import MachineModel
import NIOCore
import ProgressorEngine

/// Watches what happens to the engine and tells the health service. Confined to the engine's loop.
final class HealthMonitor: InputObserver {
  private let health: HealthService
  private let eventLoop: any EventLoop
  private let clock: NodeClock
  private var state = ServingState()
  private var expiry: (time: Int64, task: Scheduled<Void>)?

  init(health: HealthService, eventLoop: any EventLoop, clock: NodeClock) {
    self.health = health
    self.eventLoop = eventLoop
    self.clock = clock
  }

  func observe(_ input: Input, now: Moment) {
    switch input {
    case .leaseRenewed, .shardsAcquired, .shardsLost, .commitDelayed, .committed, .refused,
      .fenced:
      state.observe(input)
      publish(now)
    case .request, .cancelled, .loaded, .listed, .due, .processorAnswered, .endpointReady,
      .permits, .namespacesChanged, .timePassed:
      break
    }
  }

  /// A session with the database is missing, or none is any more.
  func sessionsChanged(areThere: Bool) {
    let now = clock.now()
    state.sessionsChanged(areThere: areThere, at: now.uptime)
    publish(now)
  }

  /// NOT_SERVING from now on, for good.
  func stop() {
    state.isStopping = true
    expiry?.task.cancel()
    health.stop()
  }

  private func publish(_ now: Moment) {
    health.update(isServing: state.isServing(at: now.uptime))
    guard let time = state.endsServing(at: now.uptime) else { return }
    if let expiry, expiry.time == time { return }
    expiry?.task.cancel()
    // A lease that nobody renews ends without an input.
    let deadline = now.deadline(atUptime: time + 1_000, reference: .now())
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.expiry = nil
      self.publish(self.clock.now())
    }
    expiry = (time, task)
  }
}
