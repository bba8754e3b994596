import GRPC
import MachineModel
import ProgressorProto

/// A repair job, printed.
enum RepairJobOutput {
  static func print(_ job: RepairJob, json: Bool) {
    Output.line(lines(job).joined(separator: "\n"), json: json ? self.json(job) : nil)
  }

  /// `1,204 of 2,000 repaired, 3 failed, 793 remaining`.
  static func progress(_ job: RepairJob) -> TerminalText {
    job.spec.dryRun
      ? "\(job.matched) would be repaired"
      : "\(job.repaired) of \(job.matched) repaired, \(job.failed) failed, "
        + "\(job.remaining) remaining"
  }

  /// One fact per line.
  static func lines(_ job: RepairJob) -> [TerminalText] {
    let spec = job.spec
    let until = spec.failedUntil.map { min($0, job.createdAt) } ?? job.createdAt
    var lines: [TerminalText] = [
      "\(job.id)",
      fact("namespace", "\(spec.namespace)"),
      fact("state", "\(state(job.state))\(spec.dryRun ? " (dry run)" : "")"),
      fact("machines", progress(job)),
      fact("failed", "\(spec.failedSince.rfc3339) to \(until.rfc3339)"),
    ]
    if !spec.idPrefix.isEmpty { lines.append(fact("id prefix", "\(spec.idPrefix)")) }
    if !spec.failureContains.isEmpty {
      lines.append(fact("with", PayloadText.line(spec.failureContains)))
    }
    switch spec.method {
    case .simple: lines.append(fact("method", "simple"))
    case .processor(let args): lines.append(fact("method", "processor \(PayloadText.line(args))"))
    }
    lines.append(fact("rate", "\(spec.effectiveRate) machines/s"))
    lines.append(fact("reason", PayloadText.line(spec.reason)))
    lines.append(fact("requested by", PayloadText.line(spec.requestedBy)))
    lines.append(fact("created", "\(job.createdAt.rfc3339)"))
    if let finishedAt = job.finishedAt { lines.append(fact("ended", "\(finishedAt.rfc3339)")) }
    return lines
  }

  /// One line of a list.
  static func row(_ job: RepairJob) -> TerminalText {
    let counts: TerminalText =
      job.state == .running ? "\(job.matched) machines" : progress(job)
    let who = PayloadText.line(job.spec.requestedBy)
    let why = PayloadText.line(job.spec.reason)
    let facts: [TerminalText] = [
      "\(job.id)", "\(state(job.state))", "\(job.spec.namespace)",
      "\(job.createdAt.rfc3339)", counts, who, why,
    ]
    return facts.joined(separator: "\t")
  }

  static func row(_ failure: RepairJobFailure) -> TerminalText {
    let code = StatusCode(rawValue: Int(failure.code))?.name ?? String(failure.code)
    let message = PayloadText.line(failure.message)
    return "\(failure.machine)\t\(failure.at.rfc3339)\t\(code) \(failure.reason)\t\(message)"
  }

  static func row(_ machine: RepairJobMachine) -> TerminalText {
    let reason = PayloadText.line(machine.failureReason)
    return "\(machine.machine)\t\(machine.failedAt.rfc3339)\t\(reason)"
  }

  /// The JSON form of `progressor.v1.RepairJob`.
  static func json(_ job: RepairJob) -> JSONValue {
    .members([
      "id": .string(job.id),
      "spec": json(job.spec),
      "state": .string("REPAIR_JOB_STATE_" + state(job.state).uppercased()),
      "createdAt": .string(job.createdAt.rfc3339),
      "finishedAt": job.finishedAt.map { .string($0.rfc3339) },
      "matched": .int64(job.matched),
      "remaining": .int64(job.remaining),
      "failed": .int64(job.failed),
      "repaired": .int64(job.repaired),
    ])
  }

  static func json(_ failure: RepairJobFailure) -> JSONValue {
    .members([
      "machineId": .string(failure.machine), "code": .int32(failure.code),
      "reason": .string(failure.reason), "message": .string(failure.message),
      "at": .string(failure.at.rfc3339),
    ])
  }

  static func json(_ machine: RepairJobMachine) -> JSONValue {
    .members([
      "machineId": .string(machine.machine), "failedAt": .string(machine.failedAt.rfc3339),
      "failureReason": .string(machine.failureReason),
    ])
  }

  private static func json(_ spec: RepairJobSpec) -> JSONValue {
    let (simple, processor): (JSONValue?, JSONValue?) =
      switch spec.method {
      case .simple: (.object([]), nil)
      case .processor(let args): (nil, .object(PayloadText.members("args", args)))
      }
    return .members([
      "namespace": .string(spec.namespace),
      "failedSince": .string(spec.failedSince.rfc3339),
      "failedUntil": spec.failedUntil.map { .string($0.rfc3339) },
      "idPrefix": .string(spec.idPrefix),
      "failureContains": .string(spec.failureContains),
      "simple": simple,
      "processor": processor,
      "rate": .int32(spec.rate),
      "dryRun": .bool(spec.dryRun),
      "reason": .string(spec.reason),
      "requestedBy": .string(spec.requestedBy),
    ])
  }

  private static func state(_ state: RepairJob.State) -> String {
    switch state {
    case .running: "running"
    case .completed: "completed"
    case .cancelled: "cancelled"
    }
  }

  private static func fact(_ name: String, _ value: TerminalText) -> TerminalText {
    MachineText.fact(name, value)
  }
}
