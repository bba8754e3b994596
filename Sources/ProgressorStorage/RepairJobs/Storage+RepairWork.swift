public import MachineModel
import PostgreSQL
public import ProgressorEngine

// What the work of repair jobs asks. All throw STORAGE_UNAVAILABLE, after which what was asked may
// have happened.

extension Storage {
  /// How long jobs are kept after their end. Microseconds: 30 days.
  static let repairJobRetention: Int64 = 30 * 86_400 * 1_000_000
  /// The most ended jobs that are kept.
  static let maximumEndedRepairJobs: Int64 = 1_000
  /// Failures that are forgotten at a time.
  static let repairJobSweep: Int64 = 5_000

  /// Jobs to be worked on, without those whose rows are damaged. Nothing is counted.
  public func runningRepairJobs() async throws(ProgressorError) -> [StoredRepairJob] {
    // A few more may be there, of nodes that created theirs at the same time.
    let list = RepairJobList(
      choice: .running, limit: Int32(2 * Self.maximumRunningRepairJobs), damaged: damagedRepairJobs)
    return try await repairJobWork.perform { connection, timeout in
      try list.read(before: .max, on: connection, timeout: timeout)
    }
  }

  /// Machines of the job in the shards of this node; nil = it has none.
  public func repairPage(
    of job: StoredRepairJob, after position: RepairPosition?, limit: Int32
  ) async throws(ProgressorError) -> RepairPage? {
    guard let (node, share) = repairShare else { return nil }
    let found = try await repairJobWork.perform { connection, timeout in
      try RepairJobPage(job: job, after: position, node: node, limit: limit)
        .read(on: connection, timeout: timeout)
    }
    let namespace = job.job.spec.namespace
    let machines = found.map { found in
      RepairCandidate(
        position: found.position,
        machine: MachineID(namespace: namespace, id: found.machine))
    }
    return RepairPage(machines: machines, isLast: found.count < Int(limit), share: share)
  }

  /// Keeps what a job could not repair; nothing if it has ended.
  public func recordRepairFailures(
    _ failures: [RepairJobFailure], shards: [ShardID], of job: StoredRepairJob
  ) async throws(ProgressorError) {
    try await repairJobWork.perform { connection, timeout in
      let parameters = Parameters.with {
        $0.append(job.number)
        $0.appendArray(shards) { $0.number }
        $0.appendArray(failures) { $0.machine }
        $0.appendArray(failures) { $0.code }
        $0.appendArray(failures) { $0.reason }
        $0.appendArray(failures) { $0.message.withoutNUL }
        $0.appendArray(failures) { $0.at.sql }
      }
      _ = try connection.run(Statements.repairJobRecord, parameters, timeout: timeout)
    }
  }

  /// Ends the job as completed unless a machine is left. True = this was its end.
  public func completeRepairJob(
    _ job: StoredRepairJob, now: Timestamp
  ) async throws(ProgressorError) -> Bool {
    try await repairJobWork.perform { connection, timeout in
      let parameters = Parameters.with {
        $0.append(job.number)
        $0.append(now.sql)
      }
      return try !connection.run(Statements.repairJobComplete, parameters, timeout: timeout).isEmpty
    }
  }

  /// Forgets a part of the oldest job that need not be kept. True = there was something.
  public func sweepRepairJobs(now: Timestamp) async throws(ProgressorError) -> Bool {
    let before = now.advanced(byMicroseconds: -Self.repairJobRetention)
    let swept = progress.swept
    return try await repairJobWork.perform { connection, timeout in
      let parameters = Parameters.with {
        $0.append(before.sql)
        $0.append(Self.maximumEndedRepairJobs)
        $0.append(Self.repairJobSweep)
      }
      let row = try connection.run(Statements.repairJobSweep, parameters, timeout: timeout)
        .onlyRow()
      let (failures, jobs): (Int64, Int64) = (try row.value(0), try row.value(1))
      swept.add(failures, to: .repairJobFailure)
      swept.add(jobs, to: .repairJob)
      return failures + jobs > 0
    }
  }
}
