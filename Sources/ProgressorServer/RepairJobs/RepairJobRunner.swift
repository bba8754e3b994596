import Logging
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorStorage

/// Finds the repair jobs that run, whichever node they were created on, and has a worker on each.
/// Confined to one loop.
final class RepairJobRunner {
  private let outside: RepairJobWorker.Outside
  private var workers: [Int64: RepairJobWorker] = [:]
  private lazy var nextLook = Alarm(on: eventLoop) { [weak self] in self?.look() }
  private var isLooking = false
  private var looksAgain = false
  /// Uptime.
  private var nextSweep: Int64 = 0
  private var isStopped = false

  /// Between two looks for jobs that other nodes created or ended.
  static let lookInterval: TimeAmount = .seconds(2)
  /// Between two looks for jobs to forget, in microseconds.
  static let sweepInterval: Int64 = 60_000_000

  private var eventLoop: any EventLoop { outside.eventLoop }

  init(outside: RepairJobWorker.Outside) {
    self.outside = outside
  }

  /// Looks now, and from then on every other second.
  func look() {
    if isStopped { return }
    if isLooking {
      looksAgain = true
      return
    }
    isLooking = true
    nextLook.set(at: nil)
    let storage = outside.storage
    eventLoop.makeFutureWithTask { try await storage.runningRepairJobs() }
      .assumeIsolated().whenComplete { self.looked(try? $0.get()) }
  }

  /// Begins nothing more.
  func stop() {
    isStopped = true
    nextLook.set(at: nil)
    for worker in workers.values { worker.stop() }
    workers = [:]
  }

  /// nil = the database does not answer.
  private func looked(_ jobs: [StoredRepairJob]?) {
    isLooking = false
    if isStopped { return }
    if let jobs { follow(jobs) }
    if looksAgain {
      looksAgain = false
      return look()
    }
    sweepIfDue()
    nextLook.set(at: .now() + Self.lookInterval)
  }

  private func follow(_ jobs: [StoredRepairJob]) {
    let running = Set(jobs.map(\.number))
    for (number, worker) in workers where !running.contains(number) {
      worker.stop()
      workers[number] = nil
    }
    for job in jobs where workers[job.number] == nil {
      tell("working on a repair job", job)
      let worker = RepairJobWorker(job: job, outside: outside) { [weak self] in
        self?.workers[job.number] = nil
        self?.tell("a repair job is completed", job)
      }
      workers[job.number] = worker
      worker.begin()
    }
  }

  private func sweepIfDue() {
    let now = outside.clock.now()
    guard now.uptime >= nextSweep else { return }
    nextSweep = now.uptime + Self.sweepInterval
    let storage = outside.storage
    eventLoop.makeFutureWithTask { try await storage.sweepRepairJobs(now: now.wall) }
      .assumeIsolated().whenSuccess { found in
        // More may wait where something was found.
        if found { self.nextSweep = 0 }
      }
  }

  private func tell(_ what: Logger.Message, _ job: StoredRepairJob) {
    outside.logger.info(
      what,
      metadata: [
        "job": "\(job.job.id)", "namespace": "\(job.job.spec.namespace)",
        "reason": "\(job.job.spec.reason)", "requested-by": "\(job.job.spec.requestedBy)",
        "matched": "\(job.job.matched)",
      ])
  }
}
