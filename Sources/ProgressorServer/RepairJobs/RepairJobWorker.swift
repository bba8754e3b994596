import Logging
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorStorage

/// Works on one repair job on this node: does what its plan decides. Confined to one loop.
///
/// Repairs enter the engine as a client's do, behind whatever waits there.
final class RepairJobWorker {
  /// What a worker needs of the node.
  struct Outside {
    let storage: Storage
    let dispatcher: Dispatcher
    /// To which the runner and its workers are confined.
    let eventLoop: any EventLoop
    let clock: NodeClock
    let timeouts: ProcessorTimeouts
    let logger: Logger
  }

  let job: StoredRepairJob
  private let outside: Outside
  private let onEnd: () -> Void
  private var plan: RepairPlan
  private lazy var wakeUp = Alarm(on: eventLoop) { [weak self] in self?.handle(.timePassed) }
  private var isStopped = false

  private var eventLoop: any EventLoop { outside.eventLoop }

  /// - Parameter onEnd: Called once, when the job was completed here.
  init(job: StoredRepairJob, outside: Outside, onEnd: @escaping () -> Void) {
    self.job = job
    self.outside = outside
    self.onEnd = onEnd
    plan = RepairPlan(rate: job.job.spec.effectiveRate)
  }

  func begin() {
    handle(.timePassed)
  }

  /// Begins nothing more; what has begun is carried out, and nobody waits for it.
  func stop() {
    isStopped = true
    wakeUp.set(at: nil)
  }

  private func handle(_ event: RepairPlan.Event) {
    if isStopped { return }
    for effect in plan.handle(event, now: outside.clock.now()) { perform(effect) }
  }

  private func perform(_ effect: RepairPlan.Effect) {
    let (storage, job, now) = (outside.storage, job, outside.clock.now())
    switch effect {
    case .repair(let candidate):
      repair(candidate, now)
    case .read(let position, let limit):
      ask {
        try await storage.repairPage(of: job, after: position, limit: limit)
      } then: {
        self.handle(.page($0 ?? nil))
      }
    case .record(let failures, let shards):
      ask {
        try await storage.recordRepairFailures(failures, shards: shards, of: job)
      } then: {
        self.handle(.recorded($0 != nil))
      }
    case .complete:
      ask {
        try await storage.completeRepairJob(job, now: now.wall)
      } then: {
        self.completed($0 ?? false)
      }
    case .wake(let time):
      wakeUp.set(at: now.deadline(atUptime: time, reference: .now()))
    }
  }

  private func completed(_ hasEnded: Bool) {
    handle(.completed(hasEnded))
    guard hasEnded, !isStopped else { return }
    stop()
    onEnd()
  }

  private func repair(_ candidate: RepairCandidate, _ now: Moment) {
    let operation: ProgressorEngine.Operation =
      switch job.job.spec.method {
      case .simple: .simpleRepair
      // After a crash the processor may be asked again: the key tells it so.
      case .processor(let args): .repair(args: args, range: nil, key: "repair-job-\(job.number)")
      }
    let request = Request(
      id: outside.dispatcher.newRequestID(for: candidate.machine), machine: candidate.machine,
      operation: operation,
      deadline: now.uptime + outside.timeouts.timeout(of: candidate.machine.namespace),
      context: CallerContext(principal: job.principal))
    let target = RepairReply(
      eventLoop: eventLoop, candidate: candidate,
      worker: NIOLoopBound(self, eventLoop: eventLoop))
    if !outside.dispatcher.submit(request, replyTo: target) {
      eventLoop.assumeIsolated().execute {
        target.send(.error(.overloaded("too many requests wait for the engine")))
      }
    }
  }

  /// Asks storage; nil = it does not answer. It has said so in the log.
  private func ask<Answer: Sendable>(
    _ question: @escaping @Sendable () async throws -> Answer,
    then take: @escaping (Answer?) -> Void
  ) {
    eventLoop.makeFutureWithTask(question).assumeIsolated().whenComplete { result in
      take(try? result.get())
    }
  }

  fileprivate func take(_ reply: Reply, of candidate: RepairCandidate) {
    handle(.answered(candidate, reply))
  }
}

/// Where the answer to one machine's repair goes.
private struct RepairReply: ReplyTarget {
  let eventLoop: any EventLoop
  let candidate: RepairCandidate
  let worker: NIOLoopBound<RepairJobWorker>

  func send(_ reply: Reply) {
    worker.value.take(reply, of: candidate)
  }
}
