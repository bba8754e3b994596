import MachineModel
import ProgressorEngine
import ProgressorStorage

/// Compares what is due, and what waits, with the clock: nothing may stop in silence.
///
/// A namespace is late when something of it was to run ten seconds ago, has not begun, and nothing
/// holds it back: no pause, no back-off of a retry, no endpoint that is away. What the rows say is
/// compared too, so that it makes no difference whether the engine is slow, or has forgotten. It is
/// said when that begins, each minute while it lasts, and when it is over. A value; `now` is an
/// argument.
struct Watchdog {
  /// What a look found of one namespace.
  struct Finding {
    var number: NamespaceNumber
    var name: String
    /// It is paused, or its endpoint is away.
    var isHeld = false
    /// Machines that are due and not in hand, by their rows; nil = the database was not to be read.
    var late: [LateMachine]? = []
    /// Since when the oldest request waits, on `Moment.uptime`; nil = none does.
    var oldestRequest: Int64?
  }

  /// What waits, and how long.
  struct Lateness: Hashable {
    /// Microseconds.
    var age: Int64
    /// The machine, if that is known.
    var machine: String?
    /// It is a request.
    var isRequest = false
  }

  /// What is worth a line.
  enum Report: Hashable {
    case began(namespace: String, Lateness)
    case lasts(namespace: String, Lateness)
    /// After so many microseconds since it was said.
    case ended(namespace: String, after: Int64)
  }

  private struct State {
    /// Late at the last look. Only what is still so at the next one counts: a step may have ended
    /// between the look at the rows and the one at the engine.
    var suspects: Set<LateMachine> = []
    /// When something held it back last, on `Moment.uptime`: what is due since before may then be
    /// as late as that.
    var heldUntil = Int64.min
    /// nil = it is not late.
    var late: (since: Int64, said: Int64, lateness: Lateness)?
  }

  /// Microseconds that something may be late.
  static let patience: Int64 = 10_000_000
  /// Machines that are late for so long are looked at; half of `patience`, for they count at the
  /// second look.
  static let suspicion: Int64 = 5_000_000
  private static let interval: Int64 = 60_000_000

  private var states: [NamespaceNumber: State] = [:]

  /// Namespaces that are late, and how late in microseconds.
  private(set) var late: [NamespaceNumber: Int64] = [:]

  /// Takes in what a look found of all namespaces.
  mutating func look(_ findings: [Finding], at now: Moment) -> [Report] {
    var reports: [Report] = []
    var kept: [NamespaceNumber: State] = [:]
    late = [:]
    for finding in findings {
      var state = states[finding.number] ?? State()
      if let report = Self.judge(finding, &state, now) { reports.append(report) }
      late[finding.number] = state.late?.lateness.age
      kept[finding.number] = state
    }
    states = kept
    return reports
  }

  private static func judge(_ finding: Finding, _ state: inout State, _ now: Moment) -> Report? {
    if finding.isHeld {
      state.heldUntil = now.uptime
      state.suspects = []
      return end(finding, &state, now)
    }
    let lateness = Self.lateness(of: finding, state, now)
    if let late = finding.late { state.suspects = Set(late) }
    if let lateness {
      let since = state.late?.since ?? now.uptime
      let said = state.late?.said
      let isTime = said.map { now.uptime - $0 >= interval } ?? true
      state.late = (since, isTime ? now.uptime : said ?? now.uptime, lateness)
      if said == nil { return .began(namespace: finding.name, lateness) }
      return isTime ? .lasts(namespace: finding.name, lateness) : nil
    }
    // What the rows said holds until they can be read again.
    return finding.late == nil ? nil : end(finding, &state, now)
  }

  private static func end(_ finding: Finding, _ state: inout State, _ now: Moment) -> Report? {
    guard let late = state.late else { return nil }
    state.late = nil
    return .ended(namespace: finding.name, after: now.uptime - late.since)
  }

  /// What is latest, if it is later than it may be.
  private static func lateness(
    of finding: Finding, _ state: State, _ now: Moment
  ) -> Lateness? {
    var all: [Lateness] = []
    for machine in finding.late ?? [] where state.suspects.contains(machine) {
      let age = now.wall.microseconds - machine.due.microseconds
      all.append(Lateness(age: age, machine: machine.machine.id))
    }
    if let since = finding.oldestRequest {
      all.append(Lateness(age: now.uptime - since, isRequest: true))
    }
    guard var latest = all.max(by: { $0.age < $1.age }) else { return nil }
    if state.heldUntil > .min { latest.age = min(latest.age, now.uptime - state.heldUntil) }
    return latest.age >= patience ? latest : nil
  }
}
