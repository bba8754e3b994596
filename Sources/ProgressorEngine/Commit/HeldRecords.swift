import DequeModule

/// Steps and notifications of one writer that the database cannot write now, each alone, while
/// others can be: somebody has locked a row, or what is damaged may be read again later. What the
/// processor answered is kept and tried again by itself, with pauses; what else is to be written of
/// the machine waits behind it, since the order of a machine's records counts.
struct HeldRecords {
  private struct Held {
    /// nil while it is tried.
    var step: GroupCommit.Pending?
    var behind: [GroupCommit.Pending] = []
  }

  private var machines: [ResidentMachine: Held] = [:]
  /// Those whose step waits, in their turn; machines that were let go may be among them.
  private var order: Deque<ResidentMachine> = []
  /// Nothing is tried before, on `Moment.uptime`.
  private var retryAt: Int64 = 0
  /// Tries in a row that came to nothing.
  private var failures: Int64 = 0
  private var behindCount = 0

  private static let firstPause: Int64 = 1_000_000
  private static let longestPause: Int64 = 8_000_000
  /// A try that took longer may have waited for the database, and says nothing more of the step.
  private static let longestTry: Int64 = 15_000_000

  /// Machines whose step is kept.
  var machineCount: Int { machines.count }

  /// Records that wait; a step that is being tried is none of them.
  var count: Int { order.count + behindCount }

  /// When the next one is to be tried; nil = none is.
  var nextAt: Int64? { order.isEmpty ? nil : retryAt }

  func holds(_ machine: ResidentMachine) -> Bool { machines[machine] != nil }

  /// What waits of the machine; not what is being tried.
  func records(of machine: ResidentMachine) -> [GroupCommit.Pending] {
    guard let held = machines[machine] else { return [] }
    return (held.step.map { [$0] } ?? []) + held.behind
  }

  /// Keeps a step that could not be written at `uptime`, after `duration`. All together are tried
  /// for at most a fifth of the writer's time while that comes to nothing; but once a minute in any
  /// case.
  mutating func hold(_ step: GroupCommit.Pending, at uptime: Int64, after duration: Int64) {
    if holds(step.machine) {
      failures += 1
      pause(at: uptime, after: duration)
    } else if machines.isEmpty {
      failures = 0
      pause(at: uptime, after: duration)
    }
    machines[step.machine, default: Held()].step = step
    order.append(step.machine)
  }

  private mutating func pause(at uptime: Int64, after duration: Int64) {
    let pause = min(Self.firstPause << min(failures, 8), Self.longestPause)
    retryAt = uptime.saturatingAdd(max(pause, 4 * min(max(0, duration), Self.longestTry)))
  }

  /// What is to be written of a machine whose step is kept waits behind that.
  mutating func wait(_ record: GroupCommit.Pending) {
    machines[record.machine]?.behind.append(record)
    behindCount += 1
  }

  /// The next step to be tried, if it is time; ends with `hold` or `free`.
  mutating func next(at uptime: Int64) -> GroupCommit.Pending? {
    guard retryAt <= uptime else { return nil }
    while let machine = order.popFirst() {
      Visits.note(1)
      guard let step = machines[machine]?.step else { continue }
      machines[machine]?.step = nil
      return step
    }
    return nil
  }

  /// It is known how the machine's step ended: what waited behind it.
  mutating func free(_ machine: ResidentMachine) -> [GroupCommit.Pending] {
    guard let held = machines.removeValue(forKey: machine) else { return [] }
    failures = 0
    behindCount -= held.behind.count
    return held.behind
  }

  /// The machine was let go.
  mutating func forget(_ machine: ResidentMachine) {
    guard let held = machines.removeValue(forKey: machine) else { return }
    behindCount -= held.behind.count
    guard order.count > 2 * machines.count + 16 else { return }
    Visits.note(order.count)
    order.removeAll { machines[$0] == nil }
  }
}
