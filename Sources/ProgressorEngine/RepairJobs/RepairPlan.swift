public import MachineModel

/// Decides which machines of one repair job are tried next on this node, and when. It does nothing
/// itself: events go in, effects come out, as with the engine.
///
/// A job goes over its machines in passes, oldest failure first. Nothing of that is durable: a pass
/// that begins anew finds what is still to be done. The first pass that was refused nowhere ends
/// with the question whether the job is complete. A refusal for now (the processor is away, the
/// server is busy) makes it go slowly, one machine at a time with growing pauses, until one
/// succeeds.
public struct RepairPlan: Sendable {
  /// What happened. Each effect but `wake` is answered by the event of its name, once.
  public enum Event: Sendable {
    /// It begins, or the time of the last `wake` has come.
    case timePassed
    /// nil = this node owns no shard, or the database does not answer.
    case page(RepairPage?)
    case answered(RepairCandidate, Reply)
    /// Whether the failures are durable.
    case recorded(Bool)
    /// Whether the job has ended.
    case completed(Bool)
  }

  /// What is to be done.
  public enum Effect: Sendable, Hashable {
    /// Read machines after a position, nil = from the first.
    case read(after: RepairPosition?, limit: Int32)
    case repair(RepairCandidate)
    /// Make failures durable; shards in the same order.
    case record([RepairJobFailure], shards: [ShardID])
    /// End the job unless a machine is left, here or on another node.
    case complete
    /// Send `timePassed` at this `Moment.uptime`; replaces what was asked before.
    case wake(at: Int64)
  }

  /// Repairs at once at most.
  public static let maximumInFlight = 100
  /// Failures that wait to be made durable; beyond it no repair begins.
  static let maximumUnrecorded = 1_000
  static let firstPause: Int64 = 250_000
  static let longestPause: Int64 = 30_000_000
  static let firstPassPause: Int64 = 1_000_000
  static let longestPassPause: Int64 = 5_000_000
  /// Repaired machines that are remembered; beyond it no machine is repaired of which it cannot be
  /// told whether it was before.
  static let maximumRepaired = 10_000
  /// By so much a repair may be ahead of its rate, so that timers need not be finer.
  static let burst: Int64 = 100_000

  private let rate: Double
  private var share = 1.0

  /// Machines of the page that were not tried so far, the next one last.
  private var waiting: [RepairCandidate] = []
  /// Of the machine that was tried last in this pass.
  private var cursor: RepairPosition?
  private var isReading = false
  private var sawLastPage = false
  private var passIsClean = true
  private var passIsIdle = true
  private var passPause = Self.firstPassPause
  private var passBegins = Int64.min

  private var inFlight = 0
  /// Repairs at once at the moment.
  private var window = 16
  private var nextStart = Int64.min
  private var pause: Int64 = 0
  private var pausedUntil = Int64.min

  /// The earliest time of day since the job is worked on here. What failed before it failed before
  /// the job; after it, only if the clock was set back since the job was created: such a machine
  /// may have been repaired by this job and have failed again.
  private var earliestWall: Timestamp?
  /// Machines that failed since then and were repaired: not again, or the job would go on for as
  /// long as they fail.
  private var repaired: Set<Suspect> = []

  private struct Suspect: Hashable {
    var shard: ShardID
    var key: MachineKey
  }

  private var failures: [(failure: RepairJobFailure, shard: ShardID)] = []
  private var recording: [(failure: RepairJobFailure, shard: ShardID)] = []
  private var recordsAt = Int64.min
  private var isCompleting = false
  private var hasEnded = false
  private var wakeAt: Int64?

  /// - Parameter rate: Machines per second, on all nodes together.
  public init(rate: Int32) {
    self.rate = Double(max(1, rate))
  }

  /// Takes one event in, and answers what follows from it.
  public mutating func handle(_ event: Event, now: Moment) -> [Effect] {
    earliestWall = min(earliestWall ?? now.wall, now.wall)
    switch event {
    case .timePassed: wakeAt = nil
    case .page(let page): take(page)
    case .answered(let candidate, let reply): take(reply, of: candidate, now)
    case .recorded(let isDurable):
      assert(!recording.isEmpty, "only failures that were to be stored are stored")
      if !isDurable {
        failures = recording + failures
        recordsAt = now.uptime + Self.firstPassPause
      }
      recording = []
    case .completed(let hasEnded):
      assert(isCompleting, "a job ends when it was asked whether it does")
      self.hasEnded = hasEnded
      isCompleting = false
      if !hasEnded { beginPass(now) }
    }
    if hasEnded { return [] }
    var effects: [Effect] = []
    record(now, into: &effects)
    start(now, into: &effects)
    read(now, into: &effects)
    endPass(now, into: &effects)
    askForWake(now, into: &effects)
    return effects
  }

  private mutating func take(_ page: RepairPage?) {
    assert(isReading, "a page comes when it was asked for")
    isReading = false
    guard let page else {
      sawLastPage = true
      passIsClean = false
      return
    }
    share = min(1, max(page.share, 1 / 65_536))
    waiting = page.machines.reversed()
    sawLastPage = page.isLast
  }

  private mutating func take(_ reply: Reply, of candidate: RepairCandidate, _ now: Moment) {
    inFlight -= 1
    assert(inFlight >= 0, "more repairs ended than began")
    switch RepairOutcome(reply, of: candidate.machine, at: now.wall) {
    case .done:
      if let suspect = suspect(candidate) { repaired.insert(suspect) }
      succeed()
    case .failed(let failure):
      failures.append((failure, candidate.position.shard))
      succeed()
    case .machineAgain:
      passIsClean = false
    case .again:
      passIsClean = false
      window = max(1, window / 2)
      // What was on its way together is refused together, and counts once.
      guard now.uptime >= pausedUntil else { return }
      pause = min(max(pause * 2, Self.firstPause), Self.longestPause)
      pausedUntil = now.uptime + pause
      // It is read again after the pause: it may have been repaired, or fail otherwise.
      waiting = []
      sawLastPage = false
    }
  }

  private mutating func succeed() {
    passIsIdle = false
    pause = 0
    window = min(Self.maximumInFlight, window + 1)
    assert(inFlight < Self.maximumInFlight, "what succeeds is in flight no more")
  }

  private mutating func record(_ now: Moment, into effects: inout [Effect]) {
    guard !failures.isEmpty, recording.isEmpty, now.uptime >= recordsAt else { return }
    recording = failures
    failures = []
    assert(
      recording.count <= Self.maximumUnrecorded + Self.maximumInFlight,
      "no repair begins beyond the bound, and what ran ended")
    effects.append(.record(recording.map(\.failure), shards: recording.map(\.shard)))
  }

  /// Begins what window, rate and pause allow.
  private mutating func start(_ now: Moment, into effects: inout [Effect]) {
    while mayStart(now), let candidate = waiting.popLast() {
      cursor = candidate.position
      if failedAgain(candidate) {
        failures.append((Self.failedAgain(candidate, now), candidate.position.shard))
        continue
      }
      nextStart = max(nextStart, now.uptime) + max(1, Int64(1_000_000 / (rate * share)))
      inFlight += 1
      assert(inFlight <= Self.maximumInFlight, "no more repairs at once than there may be")
      effects.append(.repair(candidate))
    }
  }

  /// The machine, if it failed when the job was worked on here already.
  private func suspect(_ candidate: RepairCandidate) -> Suspect? {
    guard let earliestWall, candidate.position.failedAt >= earliestWall else { return nil }
    return Suspect(shard: candidate.position.shard, key: candidate.position.key)
  }

  private func failedAgain(_ candidate: RepairCandidate) -> Bool {
    suspect(candidate).map { repaired.contains($0) || repaired.count >= Self.maximumRepaired }
      ?? false
  }

  private static func failedAgain(_ candidate: RepairCandidate, _ now: Moment) -> RepairJobFailure {
    RepairJobFailure(
      machine: candidate.machine.id, code: Code.failedPrecondition.rawValue,
      reason: Reason.machineFailed.rawValue,
      message:
        "the machine failed again after its repair: since the clock was set back, its failure"
        + " looks older than the job",
      at: now.wall)
  }

  private func mayStart(_ now: Moment) -> Bool {
    hasRoom && now.uptime >= pausedUntil && now.uptime >= startsAt
  }

  private var hasRoom: Bool {
    inFlight < window && failures.count + recording.count < Self.maximumUnrecorded
  }

  private var startsAt: Int64 { nextStart == .min ? .min : nextStart - Self.burst }

  /// Reads about as much as a second or two take: what lies longer may be out of date.
  private mutating func read(_ now: Moment, into effects: inout [Effect]) {
    guard wantsPage, now.uptime >= readsAt else { return }
    assert(share > 0 && share <= 1, "a node has a part of the rate")
    isReading = true
    let limit = Int32(min(500, max(20, 2 * rate * share)))
    effects.append(.read(after: cursor, limit: limit))
  }

  private var wantsPage: Bool {
    waiting.isEmpty && !isReading && !sawLastPage && !isCompleting
  }

  private var readsAt: Int64 { max(passBegins, pausedUntil) }

  /// The end of a pass is the end of the job, or the beginning of another pass.
  private mutating func endPass(_ now: Moment, into effects: inout [Effect]) {
    guard waiting.isEmpty, sawLastPage, !isReading, inFlight == 0, failures.isEmpty,
      recording.isEmpty, !isCompleting
    else { return }
    assert(passBegins <= now.uptime, "a pass ends that has begun")
    if passIsClean {
      isCompleting = true
      effects.append(.complete)
    } else {
      beginPass(now)
    }
  }

  private mutating func beginPass(_ now: Moment) {
    passPause = passIsIdle ? min(passPause * 2, Self.longestPassPause) : Self.firstPassPause
    assert(inFlight == 0 && waiting.isEmpty, "a pass begins when the one before is over")
    passBegins = now.uptime + passPause
    cursor = nil
    sawLastPage = false
    passIsClean = true
    passIsIdle = true
  }

  private mutating func askForWake(_ now: Moment, into effects: inout [Effect]) {
    var times: [Int64] = []
    if wantsPage { times.append(readsAt) }
    if !waiting.isEmpty, hasRoom { times.append(max(pausedUntil, startsAt)) }
    if !failures.isEmpty, recording.isEmpty { times.append(recordsAt) }
    assert(
      !times.isEmpty || inFlight > 0 || isReading || !recording.isEmpty || isCompleting,
      "a job goes on by itself, or waits for an answer")
    guard let next = times.min(), next != wakeAt else { return }
    wakeAt = next
    effects.append(.wake(at: max(next, now.uptime)))
  }
}
