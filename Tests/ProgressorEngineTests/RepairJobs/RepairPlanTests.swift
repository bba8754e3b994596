import MachineModel
import Testing

@testable import ProgressorEngine

/// A plan with what it asked for, driven by hand.
private struct Job {
  var plan: RepairPlan
  var uptime: Int64 = 1_000_000_000
  private(set) var effects: [RepairPlan.Effect] = []

  /// By so much the time of day is behind.
  var setBack: Int64 = 0

  init(rate: Int32 = 100) { plan = RepairPlan(rate: rate) }

  /// When it wants to be woken.
  private var wake: Int64?

  /// What follows from an event; `effects` are those of the last one.
  mutating func on(_ event: RepairPlan.Event) {
    if case .timePassed = event { wake = nil }
    effects = plan.handle(
      event, now: Moment(wall: Timestamp(microseconds: uptime - setBack), uptime: uptime))
    for case .wake(let time) in effects { wake = time }
  }

  /// Lets the time pass until what the plan asked to be woken for.
  mutating func pass() {
    guard let wake else { return }
    uptime = max(uptime, wake)
    on(.timePassed)
  }

  var repairs: [RepairCandidate] {
    effects.compactMap { if case .repair(let candidate) = $0 { candidate } else { nil } }
  }

  var reads: [RepairPosition?] {
    effects.compactMap { effect -> RepairPosition?? in
      if case .read(let position, _) = effect { .some(position) } else { nil }
    }
  }

  var completes: Bool { effects.contains(.complete) }

  static func candidate(_ number: Int64) -> RepairCandidate {
    RepairCandidate(
      position: RepairPosition(
        failedAt: Timestamp(microseconds: number), shard: ShardID(Int32(number % 8)),
        key: MachineKey(number)),
      machine: MachineID(namespace: "n", id: "m\(number)"))
  }

  static func page(
    _ numbers: ClosedRange<Int64>, isLast: Bool = true, share: Double = 1
  ) -> RepairPlan.Event {
    .page(RepairPage(machines: numbers.map(candidate), isLast: isLast, share: share))
  }

  static let empty = RepairPlan.Event.page(RepairPage(machines: [], isLast: true, share: 1))
}

@Suite("The plan of a repair job")
struct RepairPlanTests {
  @Test("A job ends though its machines fail again and again, and the clock was set back meanwhile")
  func clockSetBack() {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...2))
    job.on(.answered(Job.candidate(1), .simplyRepaired))
    job.on(.answered(Job.candidate(2), .simplyRepaired))
    #expect(job.completes)
    // Both failed again, now at a time that looks older than the job.
    job.setBack = 500_000_000
    var rounds = 0
    var failures: [RepairJobFailure] = []
    job.on(.completed(false))
    while failures.count < 2, rounds < 10 {
      rounds += 1
      while job.reads.isEmpty { job.pass() }
      let failedAt = Timestamp(microseconds: job.uptime - job.setBack)
      let again = (1...2).map { (number: Int64) in
        var candidate = Job.candidate(number)
        candidate.position.failedAt = failedAt
        return candidate
      }
      job.on(.page(RepairPage(machines: again, isLast: true, share: 1)))
      for candidate in job.repairs { job.on(.answered(candidate, .simplyRepaired)) }
      if job.completes {
        job.on(.completed(false))
      } else {
        job.pass()
        for case .record(let recorded, _) in job.effects { failures += recorded }
      }
    }
    #expect(rounds == 2)
    #expect(failures.map(\.machine) == ["m1", "m2"])
    #expect(failures.allSatisfy { $0.message.contains("the clock was set back") })
    job.on(.recorded(true))
    #expect(job.completes)
  }

  private static let unavailable = Reply.error(.storageUnavailable)

  @Test("A job reads its machines, repairs them oldest first, and asks whether it is complete")
  func whole() {
    var job = Job()
    job.on(.timePassed)
    #expect(job.reads == [nil])
    job.on(Job.page(1...3))
    #expect(job.repairs.map(\.machine.id) == ["m1", "m2", "m3"])
    for number: Int64 in 1...2 {
      job.on(.answered(Job.candidate(number), .simplyRepaired))
      #expect(!job.completes)
    }
    job.on(.answered(Job.candidate(3), .repaired(response: [])))
    #expect(job.completes)
    job.on(.completed(true))
    #expect(job.effects == [])
  }

  @Test("The next page begins behind the machine that was tried last")
  func pages() {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...5, isLast: false))
    #expect(job.reads == [Job.candidate(5).position])
  }

  @Test("Repairs begin no faster than the rate, but for a tenth of a second at once")
  func rate() {
    var job = Job(rate: 50)
    job.on(.timePassed)
    job.on(Job.page(1...200, isLast: false))
    let begin = job.uptime
    var started = 0
    while started < 150 {
      for candidate in job.repairs {
        started += 1
        job.on(.answered(candidate, .simplyRepaired))
        started += job.repairs.count
        for next in job.repairs { job.on(.answered(next, .simplyRepaired)) }
      }
      let seconds = Double(job.uptime - begin) / 1_000_000
      #expect(Double(started) <= 50 * (seconds + 0.1) + 1.01)
      job.uptime += 1_000
      job.on(.timePassed)
    }
    #expect(Double(job.uptime - begin) / 1_000_000 < 3.2)
  }

  @Test("A node repairs at its share of the rate")
  func share() {
    var job = Job(rate: 40)
    job.on(.timePassed)
    job.on(Job.page(1...100, isLast: false, share: 0.25))
    var started = job.repairs.count
    for _ in 0..<100 {
      job.uptime += 10_000
      job.on(.timePassed)
      started += job.repairs.count
    }
    #expect((9...12).contains(started))
  }

  @Test("No more than the bound are under way, however many there are")
  func inFlight() {
    var job = Job(rate: RepairJobSpec.maximumRate)
    job.on(.timePassed)
    job.on(Job.page(1...500, isLast: false))
    var open = job.repairs
    for _ in 0..<2_000 {
      #expect(open.count <= RepairPlan.maximumInFlight)
      job.uptime += 1_000
      job.on(open.isEmpty ? .timePassed : .answered(open.removeFirst(), .simplyRepaired))
      open += job.repairs
      if !job.reads.isEmpty { break }
    }
    #expect(!job.reads.isEmpty)
  }

  @Test("What cannot be repaired is made durable before the job can be complete")
  func failures() {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...1))
    job.on(.answered(Job.candidate(1), .error(.repairFailed("no"))))
    let failure = RepairJobFailure(
      machine: "m1", code: Code.aborted.rawValue, reason: "REPAIR_FAILED", message: "no",
      at: Timestamp(microseconds: job.uptime))
    #expect(job.effects == [.record([failure], shards: [ShardID(1)])])
    job.on(.recorded(false))
    #expect(!job.completes)
    job.pass()
    #expect(job.effects == [.record([failure], shards: [ShardID(1)])])
    job.on(.recorded(true))
    #expect(job.completes)
  }

  @Test(
    "A machine that needs it no more is no failure",
    arguments: [
      ProgressorError.machineAlreadyWorking,
      .machineNotFound(MachineID(namespace: "n", id: "m1")), .namespaceNotFound("n"),
    ])
  func needless(error: ProgressorError) {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...1))
    job.on(.answered(Job.candidate(1), .error(error)))
    #expect(job.completes)
  }

  @Test(
    "A refusal for now is no failure: the machine is tried again, and the job is not complete",
    arguments: [
      ProgressorError.storageUnavailable, .notOwner, .overloaded("full"), .deadlineExceeded,
      .processorUnavailable("away"),
    ])
  func refusals(error: ProgressorError) {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...2))
    job.on(.answered(Job.candidate(1), .error(error)))
    job.on(.answered(Job.candidate(2), .simplyRepaired))
    #expect(!job.completes)
    var steps = 0
    while !job.reads.contains(nil), steps < 10 {
      if job.reads.isEmpty { job.pass() } else { job.on(Job.empty) }
      steps += 1
    }
    #expect(job.reads == [nil])
    job.on(Job.page(1...1))
    #expect(job.repairs == [Job.candidate(1)])
    job.on(.answered(Job.candidate(1), .simplyRepaired))
    #expect(job.completes)
  }

  @Test("While everything is refused, one machine is tried at a time, with pauses up to 30 s")
  func outage() {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...500, isLast: false))
    var next: Int64 = 1
    var pauses: [Int64] = []
    for round in 0..<12 {
      let open = job.repairs
      if round > 4 { #expect(open.count == 1) }
      next += Int64(open.count)
      for candidate in open { job.on(.answered(candidate, Self.unavailable)) }
      let refusedAt = job.uptime
      #expect(job.repairs.isEmpty)
      job.pass()
      pauses.append(job.uptime - refusedAt)
      #expect(job.reads == [Job.candidate(next - 1).position])
      job.on(Job.page(next...(next + 400), isLast: false))
    }
    #expect(pauses == pauses.sorted())
    #expect(pauses.last == RepairPlan.longestPause)
    // The first success ends the pauses.
    for candidate in job.repairs { job.on(.answered(candidate, .simplyRepaired)) }
    #expect(job.repairs.count == 2)
  }

  @Test("A machine that is always refused does not keep the others from being repaired")
  func noStarvation() {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...3))
    for candidate in job.repairs {
      job.on(
        .answered(candidate, candidate == Job.candidate(1) ? Self.unavailable : .simplyRepaired))
    }
    #expect(!job.completes)
    job.pass()
    #expect(job.reads == [Job.candidate(3).position])
  }

  @Test("A paused machine is left for a later pass, and slows nothing down")
  func pausedMachine() {
    var job = Job()
    job.on(.timePassed)
    job.on(Job.page(1...2))
    let paused = ProgressorError(.unavailable, .machinePaused, "paused")
    job.on(.answered(Job.candidate(1), .error(paused)))
    job.on(.answered(Job.candidate(2), .simplyRepaired))
    #expect(!job.completes)
    job.pass()
    #expect(job.reads == [nil])
  }

  @Test("A node without shards, or without its database, asks again, and never for the end")
  func standby() {
    var job = Job()
    job.on(.timePassed)
    for _ in 0..<10 {
      let asked = job.uptime
      #expect(job.reads == [nil])
      job.on(.page(nil))
      #expect(!job.completes && job.repairs.isEmpty)
      job.pass()
      #expect((1_000_000...5_000_000).contains(job.uptime - asked))
    }
  }

  @Test("While other nodes have machines left, the job is looked at again every few seconds")
  func others() {
    var job = Job()
    job.on(.timePassed)
    for _ in 0..<5 {
      job.on(Job.empty)
      #expect(job.completes)
      let asked = job.uptime
      job.on(.completed(false))
      #expect(job.reads.isEmpty)
      job.pass()
      #expect((1_000_000...5_000_000).contains(job.uptime - asked))
      #expect(job.reads == [nil])
    }
  }
}
