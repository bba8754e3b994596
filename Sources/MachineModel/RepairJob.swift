/// What a job over many machines is asked to do: which of them it repairs, and how.
public struct RepairJobSpec: Sendable, Hashable {
  /// How one machine is repaired.
  public enum Method: Sendable, Hashable {
    /// What failed runs again.
    case simple
    /// The processor decides.
    case processor(args: [UInt8])
  }

  /// The namespace whose machines it repairs.
  public var namespace: String
  /// Only machines that failed then or later.
  public var failedSince: Timestamp
  /// nil, or later than the job's creation = until then.
  public var failedUntil: Timestamp?
  /// Only machines whose id begins so, byte by byte; empty = all. At most 256 bytes.
  public var idPrefix: String
  /// A part of the reason of a machine's failure.
  public var failureContains: String
  /// How each machine is repaired.
  public var method: Method
  /// Machines per second, 0 = `defaultRate`.
  public var rate: Int32
  /// Count and list, repair none.
  public var dryRun: Bool
  /// Why, for people.
  public var reason: String
  /// Who asks, for people.
  public var requestedBy: String

  /// Machines per second, where `rate` is 0.
  public static let defaultRate: Int32 = 100
  /// The highest `rate`: machines per second, on all nodes together.
  public static let maximumRate: Int32 = 10_000
  /// The longest `reason`, in bytes of UTF-8; a longer one is refused.
  public static let maximumReasonBytes = 4_096
  /// The longest `args` of a repair by the processor, in bytes.
  public static let maximumArgsBytes = 16 << 10

  public init(
    namespace: String, failedSince: Timestamp, failedUntil: Timestamp? = nil,
    idPrefix: String = "", failureContains: String = "", method: Method = .simple,
    rate: Int32 = 0, dryRun: Bool = false, reason: String, requestedBy: String = ""
  ) {
    self.namespace = namespace
    self.failedSince = failedSince
    self.failedUntil = failedUntil
    self.idPrefix = idPrefix
    self.failureContains = failureContains
    self.method = method
    self.rate = rate
    self.dryRun = dryRun
    self.reason = reason
    self.requestedBy = requestedBy
  }
}

extension RepairJobSpec {
  /// Machines per second.
  public var effectiveRate: Int32 { rate == 0 ? Self.defaultRate : rate }

  /// The first field that is out of its range, nil = none. The one place of these rules.
  public var fault: FieldFault? {
    do throws(ProgressorError) {
      try MachineID.validate(namespace, field: "")
    } catch {
      return FieldFault("namespace", String(error.message.dropFirst(2)))
    }
    if let failedUntil, failedUntil < failedSince {
      return FieldFault("failed_until", "must not be before failed_since")
    }
    let texts = [
      ("id_prefix", idPrefix, MachineID.maximumBytes),
      ("failure_contains", failureContains, Failure.maximumReasonBytes),
      ("reason", reason, Self.maximumReasonBytes),
      ("requested_by", requestedBy, MachineID.maximumBytes),
    ]
    for (field, text, limit) in texts where text.utf8.count > limit {
      return FieldFault(field, "is longer than \(limit) bytes")
    }
    if case .processor(let args) = method, args.count > Self.maximumArgsBytes {
      return FieldFault("processor.args", "is longer than \(Self.maximumArgsBytes) bytes")
    }
    if !(0...Self.maximumRate).contains(rate) {
      return FieldFault("rate", "must be 0 to \(Self.maximumRate)")
    }
    if reason.isEmpty { return FieldFault("reason", "must not be empty: say why") }
    return nil
  }
}

/// A job over many machines.
public struct RepairJob: Sendable, Hashable {
  /// How far a job is. The raw values are those of the contract (repair_jobs.proto).
  public enum State: Int32, Sendable, Hashable {
    case running = 1
    case completed = 2
    case cancelled = 3
  }

  /// Its id, chosen by the client or the server.
  public var id: String
  /// What it was asked to do; never changes.
  public var spec: RepairJobSpec
  /// Running, or why it runs no more.
  public var state: State
  /// When it was created: machines that fail later are not its own.
  public var createdAt: Timestamp
  /// nil = it runs.
  public var finishedAt: Timestamp?
  /// Machines that it was about when it was created.
  public var matched: Int64
  /// Machines still to be repaired.
  public var remaining: Int64
  /// Machines that could not be repaired.
  public var failed: Int64
  /// Machines that need it no more: repaired by this job or otherwise, or removed.
  public var repaired: Int64

  public init(
    id: String, spec: RepairJobSpec, state: State = .running, createdAt: Timestamp,
    finishedAt: Timestamp? = nil, matched: Int64 = 0, remaining: Int64 = 0, failed: Int64 = 0,
    repaired: Int64 = 0
  ) {
    self.id = id
    self.spec = spec
    self.state = state
    self.createdAt = createdAt
    self.finishedAt = finishedAt
    self.matched = matched
    self.remaining = remaining
    self.failed = failed
    self.repaired = repaired
  }
}

/// A machine that a job could not repair.
public struct RepairJobFailure: Sendable, Hashable {
  /// The id of the machine, in the job's namespace.
  public var machine: String
  /// The gRPC status code with which its repair ended.
  public var code: Int32
  /// The reason in its ErrorInfo.
  public var reason: String
  /// At most `Failure.maximumReasonBytes` of UTF-8.
  public var message: String
  /// When its repair was tried.
  public var at: Timestamp

  /// Makes `message` fit to keep (`String.fitToKeep`).
  public init(machine: String, code: Int32, reason: String, message: String, at: Timestamp) {
    self.machine = machine
    self.code = code
    self.reason = reason
    self.message = message.fitToKeep(utf8Bytes: Failure.maximumReasonBytes)
    self.at = at
  }
}

/// A machine that a job has still to repair.
public struct RepairJobMachine: Sendable, Hashable {
  /// The id of the machine, in the job's namespace.
  public var machine: String
  /// When it failed.
  public var failedAt: Timestamp
  /// The reason of its failure, as Get shows it.
  public var failureReason: String

  public init(machine: String, failedAt: Timestamp, failureReason: String) {
    self.machine = machine
    self.failedAt = failedAt
    self.failureReason = failureReason
  }
}

extension ProgressorError {
  /// NOT_FOUND: no job has that id.
  public static func repairJobNotFound(_ id: String) -> ProgressorError {
    ProgressorError(.notFound, .repairJobNotFound, "there is no repair job \"\(id)\"")
  }

  /// ALREADY_EXISTS: the id is taken by a job with another spec; the same spec would be the answer.
  public static func repairJobAlreadyExists(_ id: String) -> ProgressorError {
    ProgressorError(
      .alreadyExists, .repairJobAlreadyExists,
      "there is a repair job \"\(id)\" already, with another spec")
  }
}
