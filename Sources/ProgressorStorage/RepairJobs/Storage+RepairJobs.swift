public import MachineModel
import PostgreSQL
public import ProgressorEngine

// What operators ask about repair jobs. All throw STORAGE_UNAVAILABLE, after which what was asked
// may have happened, REPAIR_JOB_NOT_FOUND for the id of no job, and INTERNAL for a damaged row.

extension Storage {
  /// Jobs that run at once; each has a bounded number of repairs in flight.
  public static let maximumRunningRepairJobs: Int64 = 100
  /// Of them, those of one namespace: nobody's jobs keep all others from beginning.
  public static let maximumRunningRepairJobsOfNamespace: Int64 = 20

  /// Creates a job that begins now, or answers the one of this id and spec. Throws
  /// REPAIR_JOB_ALREADY_EXISTS, NAMESPACE_NOT_FOUND, OVERLOADED.
  ///
  /// - Parameter principal: Who asks; nil = nobody has an identity.
  public func createRepairJob(
    _ id: String, _ spec: RepairJobSpec, by principal: String? = nil, now: Timestamp
  ) async throws(ProgressorError) -> StoredRepairJob {
    try await repairJobRequests.perform { connection, timeout in
      if let job = try Self.find(id, like: spec, on: connection, timeout) { return job }
      if !spec.dryRun { try Self.requireRoom(in: spec.namespace, on: connection, timeout) }
      var pipeline = Pipeline()
      pipeline.append(
        Statements.repairJobInsert, .with { $0.append(spec, id: id, by: principal, now: now) })
      pipeline.append(Statements.repairJobCount, .with { $0.append(id) })
      _ = try connection.run(pipeline, timeout: timeout)
      if let job = try Self.find(id, like: spec, on: connection, timeout) { return job }
      throw ProgressorError.namespaceNotFound(spec.namespace)
    }
  }

  private static func requireRoom(
    in namespace: String, on connection: Connection, _ timeout: Duration
  ) throws {
    let running = try connection.run(
      Statements.repairJobRunningCount, .with { $0.append(namespace) }, timeout: timeout
    ).onlyRow()
    let (all, own): (Int64, Int64) = (try running.value(0), try running.value(1))
    if own >= maximumRunningRepairJobsOfNamespace {
      throw ProgressorError.overloaded(
        "\(own) repair jobs of the namespace are running: wait for their end, or cancel one")
    }
    if all >= maximumRunningRepairJobs {
      throw ProgressorError.overloaded(
        "\(maximumRunningRepairJobs) repair jobs are running: wait for the end of one")
    }
  }

  /// A job with its progress.
  public func repairJob(_ id: String) async throws(ProgressorError) -> StoredRepairJob {
    try await repairJobRequests.perform { connection, timeout in
      try Self.require(id, on: connection, timeout)
    }
  }

  /// Jobs before a number, the newest first, of one namespace or of all, without those whose rows
  /// are damaged: fewer than the limit only at the end. Nothing is counted. Those of a deleted
  /// namespace are among those of all.
  ///
  /// - Parameter isShown: Told a job's namespace; the others are left out, and take nobody's place.
  public func repairJobs(
    ofNamespace namespace: String?, before number: Int64, limit: Int32,
    where isShown: (@Sendable (String) -> Bool)? = nil
  ) async throws(ProgressorError) -> [StoredRepairJob] {
    let list = RepairJobList(
      choice: .all(namespace: namespace), limit: limit, damaged: damagedRepairJobs,
      isShown: isShown)
    return try await repairJobRequests.perform { connection, timeout in
      try list.read(before: number, on: connection, timeout: timeout)
    }
  }

  /// Ends a job unless it has ended.
  public func cancelRepairJob(
    _ id: String, now: Timestamp
  ) async throws(ProgressorError) -> StoredRepairJob {
    try await repairJobRequests.perform { connection, timeout in
      let parameters = Parameters.with {
        $0.append(id)
        $0.append(now.sql)
      }
      _ = try connection.run(Statements.repairJobCancel, parameters, timeout: timeout)
      return try Self.require(id, on: connection, timeout)
    }
  }

  /// Machines that a job could not repair, by id, behind one.
  public func repairJobFailures(
    _ id: String, after machine: String?, limit: Int32
  ) async throws(ProgressorError) -> [RepairJobFailure] {
    try await repairJobRequests.perform { connection, timeout in
      let job = try Self.require(id, on: connection, timeout)
      let parameters = Parameters.with {
        $0.append(job.number)
        $0.append(machine ?? "")
        $0.append(limit)
      }
      return try connection.run(Statements.repairJobFailures, parameters, timeout: timeout)
        .map { row in
          var reader = RowReader(row)
          return try reader.nextRepairJobFailure()
        }
    }
  }

  /// Machines that a job has still to repair, on all nodes, in the order in which they failed.
  public func repairJobRemaining(
    _ id: String, after position: RepairPosition?, limit: Int32
  ) async throws(ProgressorError) -> [(position: RepairPosition, machine: RepairJobMachine)] {
    let found = try await repairJobRequests.perform { connection, timeout in
      let job = try Self.require(id, on: connection, timeout)
      return try RepairJobPage(job: job, after: position, node: nil, limit: limit)
        .read(on: connection, timeout: timeout)
    }
    return found.map { found in
      (
        found.position,
        RepairJobMachine(
          machine: found.machine, failedAt: found.position.failedAt, failureReason: found.reason)
      )
    }
  }

  /// The job of this id if there is one, which must have this spec, and a namespace that is
  /// there.
  private static func find(
    _ id: String, like spec: RepairJobSpec, on connection: Connection, _ timeout: Duration
  ) throws -> StoredRepairJob? {
    guard let job = try find(id, on: connection, timeout) else { return nil }
    guard !job.isOrphaned, job.job.spec.isSame(as: spec) else {
      throw ProgressorError.repairJobAlreadyExists(id)
    }
    return job
  }

  private static func find(
    _ id: String, on connection: Connection, _ timeout: Duration
  ) throws -> StoredRepairJob? {
    let rows = try connection.run(
      Statements.repairJobGet, .with { $0.append(id) }, timeout: timeout)
    guard let row = rows.first else { return nil }
    var reader = RowReader(row)
    return try reader.nextRepairJob()
  }

  private static func require(
    _ id: String, on connection: Connection, _ timeout: Duration
  ) throws -> StoredRepairJob {
    guard let job = try find(id, on: connection, timeout) else {
      throw ProgressorError.repairJobNotFound(id)
    }
    return job
  }
}

extension RepairJobSpec {
  /// Equal with texts compared byte by byte, unlike `String`s.
  fileprivate func isSame(as other: RepairJobSpec) -> Bool {
    func texts(_ spec: RepairJobSpec) -> [[UInt8]] {
      [spec.namespace, spec.idPrefix, spec.failureContains, spec.reason, spec.requestedBy]
        .map { Array($0.utf8) }
    }
    return self == other && texts(self) == texts(other)
  }
}
