public import MachineModel

/// What people are told of a step once it is durable: something happened to a machine that is no
/// success of every day.
public struct MachineNews: Sendable, Hashable {
  /// What happened.
  public enum Kind: Int, Sendable, Hashable, CaseIterable {
    case failed
    case repaired
    /// By a request, not by the processor as the end of its work.
    case removed
    case paused
    case resumed
  }

  /// What happened.
  public var kind: Kind
  /// Why it failed or is paused, else empty.
  public var reason: String
  /// Of who asked for it, or for what failed: of the request, of the timer or of the notification.
  public var context: CallerContext
}

extension MachineNews {
  /// What a change tells of the machine that was there before; nil = nothing.
  init?(_ change: Change, _ machine: ResidentMachine, _ step: RunningStep) {
    let before = machine.row
    switch change {
    case .nothing: return nil
    case .created(let changed, _):
      guard step.operation.kind == .start, let failure = changed.row.failure else { return nil }
      (kind, reason) = (.failed, failure.reason)
    case .updated(let changed, _):
      guard before?.failure != changed.row.failure else { return nil }
      (kind, reason) = changed.row.failure.map { (.failed, $0.reason) } ?? (.repaired, "")
    case .condemned(_, let failure): (kind, reason) = (.failed, failure.reason)
    case .paused(let row):
      switch (before?.pause, row.pause) {
      case (nil, let pause?): (kind, reason) = (.paused, pause.reason)
      case (_?, nil): (kind, reason) = (.resumed, "")
      case (nil, nil), (_?, _?): return nil
      }
    case .removed:
      guard step.operation.tellsRemoval else { return nil }
      (kind, reason) = (.removed, "")
    }
    switch step.item {
    case .request: context = step.request?.context ?? CallerContext()
    case .timeout: context = before?.timer?.context ?? CallerContext()
    case .notification: context = machine.notifications.head?.context ?? CallerContext()
    case .settling: context = CallerContext()
    }
  }
}
