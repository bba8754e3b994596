import MachineModel
import ProgressorEngine

/// What is recorded of steps: each that became durable once, as its namespace wants it, and none
/// that did not.
extension Ledger {
  /// What a record of the database keeps of its step is what became of it.
  mutating func traced(_ applied: AppliedRecord, _ step: InvocationRecord?) throws(Violation) {
    let record = applied.record
    guard let level = traceLevels[ExactText(record.machine.namespace)] else { return }
    let traced = record.traced?.record
    let what = "\(record.machine): \(traced?.outcome, default: "nothing") is recorded"
    let expected = outcome(of: applied, step)
    if case .keep = record.row, let traced, traced.outcome == .refused {
      try require(
        level == .all && record.idempotency == nil && step == nil, .recordedOnce,
        "\(what), and something else happened")
      refusalsRecorded[record.machine, default: 0] += 1
    } else {
      let isStart = if case .insert = record.row { true } else { false }
      let kind: StepKind? =
        isStart
        ? .start
        : record.dropped != nil
          ? .dropNotification : record.isOfMessage && step == nil ? .dropMessage : nil
      let isDue = expected.map { level.records($0, of: kind) } ?? false
      try require(
        traced?.outcome == (isDue ? expected : nil), .recordedOnce,
        "\(what), \(expected, default: "nothing") happened, the level is \(level)")
    }
    guard let traced else { return }
    let incarnation = Incarnation(shard: record.shard, key: record.key)
    let last = incarnations[incarnation]?.lastTraced ?? 0
    try require(
      traced.sequence > last, .recordedOnce, "\(what) as \(traced.sequence) after \(last)")
    incarnations[incarnation, default: .init()].lastTraced = traced.sequence
    try require(
      traced.firstEventID == record.events.first?.id ?? 0
        && traced.lastEventID == record.events.last?.id ?? 0
        && traced.beganAt <= traced.endedAt, .recordedOnce, "\(what) with other events or times")
    if let step, traced.outcome == .committed || traced.outcome == .repaired {
      try require(
        traced.kind == step.kind && traced.attempt == step.attempt && !traced.step.isEmpty,
        .recordedOnce, "\(what) of another step")
    }
  }

  /// What happened to the machine, as its row tells before and after; nil = nothing, or it is gone.
  private func outcome(of applied: AppliedRecord, _ step: InvocationRecord?) -> StepOutcome? {
    let record = applied.record
    switch record.row {
    case .insert(let row): return row.failure == nil ? .committed : .failed
    case .delete, .requeue: return nil
    case .condemn: return .failed
    // A reply is kept, of a step that changed nothing.
    case .keep: return applied.before == nil || record.idempotency == nil ? nil : .committed
    case .pause(let row):
      if applied.before?.pause == nil { return row.pause == nil ? nil : .paused }
      return row.pause == nil ? .resumed : nil
    case .update where record.dropped != nil || (record.isOfMessage && step == nil):
      return .committed
    case .update(let row, _):
      let failure = applied.before?.failure
      if row.failure != nil { return row.failure == failure ? nil : .failed }
      if failure != nil { return .repaired }
      let timer = row.timer?.retry
      let isRetried = timer != nil && timer != applied.before?.timer?.retry
      return isRetried || record.rescheduled?.retry != nil ? .retried : .committed
    }
  }

  /// A client hears of a refusal: where all is recorded, it is in the database by then.
  mutating func toldRefusal(_ request: ClientRequest, _ error: ProgressorError) throws(Violation) {
    guard traceLevels[ExactText(request.machine.namespace)] == .all, request.key == nil,
      error.reason == .processorRefused || error.reason == .repairFailed
    else { return }
    switch request.operation {
    case .call, .repair: break
    default: return
    }
    refusalsTold[request.machine, default: 0] += 1
    try require(
      refusalsTold[request.machine, default: 0] <= refusalsRecorded[request.machine, default: 0],
      .recordedOnce, "\(request.machine): a refusal is told that is not recorded")
  }

  /// A page of what happened: in its order, and with all that was there when it was asked for.
  func traced(_ request: ClientRequest, _ steps: [StepRecord], next: Int64) throws(Violation) {
    guard case .trace(let query) = request.operation else {
      throw Violation(.oneReply, "\(request.machine): \(request.operation.name) gets records")
    }
    try require(
      steps.count <= Int(query.limit) && (next == 0 || next == steps.last?.sequence),
      .truthfulReads, "\(request.machine): a page of \(steps.count) records, next \(next)")
    var before = query.before == 0 ? Int64.max : query.before
    for step in steps {
      try require(
        step.sequence < before, .truthfulReads, "\(request.machine): records out of order")
      before = step.sequence
    }
    guard query.before == 0, !request.maySeePast, !request.sawDeletion else { return }
    try require(
      steps.first?.sequence ?? 0 >= request.newestRecord, .truthfulReads,
      "\(request.machine): a record is missing that was there")
  }
}
