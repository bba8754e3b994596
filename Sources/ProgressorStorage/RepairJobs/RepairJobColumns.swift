public import MachineModel
import PostgreSQL
public import ProgressorEngine

/// A repair job as the database has it.
public struct StoredRepairJob: Sendable, Hashable {
  /// Grows from job to job.
  public var number: Int64
  /// The number of the namespace whose machines it repairs.
  public var namespace: NamespaceNumber
  /// The job as clients see it.
  public var job: RepairJob
  /// Who asked for it, as the server knew it; nil = nobody had an identity. `requestedBy` may be
  /// what a client said.
  public var principal: String?
  /// Its namespace was deleted; another one may have its name.
  public var isOrphaned = false

  /// Machines that failed later are not the job's.
  var failedUntil: Timestamp { min(job.spec.failedUntil ?? job.createdAt, job.createdAt) }
}

extension Parameters {
  /// The parameters of repair_job_insert.
  mutating func append(
    _ spec: RepairJobSpec, id: String, by principal: String?, now: Timestamp
  ) {
    append(id)
    append(spec.namespace)
    append(spec.failedSince.sql)
    append(spec.failedUntil?.sql)
    append(spec.idPrefix)
    append(spec.failureContains)
    switch spec.method {
    case .simple: append(nil as [UInt8]?)
    case .processor(let args): append(args)
    }
    append(spec.rate)
    append(spec.dryRun)
    append(spec.reason)
    append(spec.requestedBy)
    append(now.sql)
    append(principal)
  }
}

extension RowReader {
  /// The columns of repair_job. What was not counted is 0. Throws also for what no job may be.
  mutating func nextRepairJob() throws(PostgreSQLError) -> StoredRepairJob {
    let number: Int64 = try next()
    let namespace = NamespaceNumber(try next())
    let id: String = try next()
    var spec = RepairJobSpec(
      namespace: try next(), failedSince: try nextTime(), failedUntil: try nextOptionalTime(),
      idPrefix: try next(), failureContains: try next(), reason: "")
    if let args: [UInt8] = try nextOptional() { spec.method = .processor(args: args) }
    spec.rate = try next()
    spec.dryRun = try next()
    spec.reason = try next()
    spec.requestedBy = try next()
    if let fault = spec.fault { throw .unreadable("\(fault.error(path: "").message)") }
    let createdAt = try nextTime()
    let stateNumber: Int32 = try next()
    guard let state = RepairJob.State(rawValue: stateNumber) else {
      throw .unreadable("a repair job in state \(stateNumber)")
    }
    var job = RepairJob(
      id: id, spec: spec, state: state, createdAt: createdAt, finishedAt: try nextOptionalTime(),
      matched: try next())
    let (remaining, failed): (Int64?, Int64?) = (try nextOptional(), try nextOptional())
    // So that sums of them are numbers too.
    for count in [job.matched, remaining, failed] where !(0..<Int64.max / 4).contains(count ?? 0) {
      throw .unreadable("a repair job about \(count ?? 0) machines")
    }
    if let remaining, let failed {
      (job.remaining, job.failed) = (remaining, failed)
      job.repaired = max(0, job.matched - remaining - failed)
    }
    let principal: String? = try nextOptional()
    return StoredRepairJob(
      number: number, namespace: namespace, job: job, principal: principal,
      isOrphaned: try next())
  }

  /// What cannot be read of a failure is shown as what is wrong with it: it hides no others.
  mutating func nextRepairJobFailure() throws(PostgreSQLError) -> RepairJobFailure {
    let machine: String = try next()
    do {
      return RepairJobFailure(
        machine: machine, code: try next(), reason: try next(), message: try next(),
        at: try nextTime())
    } catch {
      return RepairJobFailure(
        machine: machine, code: Code.dataLoss.rawValue, reason: "",
        message: "its failure cannot be read: \(error.message)", at: .earliest)
    }
  }
}
