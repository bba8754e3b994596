import MachineModel
import ProgressorEngine

extension Input {
  /// One line for a person.
  var summary: String {
    switch self {
    case .request(let request):
      "request \(request.id.number): \(request.operation.name) \(request.machine.text)"
        + " tag \(request.operation.tag.map(String.init) ?? "-")"
        + (request.operation.key.map { " key \($0)" } ?? "") + " until \(request.deadline)"
    case .cancelled(let id): "cancelled \(id.number)"
    case .loaded(let id, .success(let loaded)):
      "loaded \(id.number): row \(loaded.row.map { $0.summary } ?? "none"), "
        + "\(loaded.history.count) events, \(loaded.notifications.count) notifications"
        + (loaded.idempotency.map { ", key \($0.key)" } ?? "")
    case .loaded(let id, .failure(let failure)): "loaded \(id.number): \(failure)"
    case .listed(let id, .success(let found)): "listed \(id.number): \(found.count)"
    case .listed(let id, .failure(let failure)): "listed \(id.number): \(failure)"
    case .traceRead(let id, .success(let steps)):
      "trace \(id.number): \(steps.map { "\($0.map(\.outcome))" } ?? "no machine")"
    case .traceRead(let id, .failure(let failure)): "trace \(id.number): \(failure)"
    case .due(_, let pages): "due: \(pages.map(\.summary))"
    case .processorAnswered(let step, let attempt, let outcome):
      "step \(step.number).\(attempt) ends: \(outcome.summary)"
    case .messagesDue(_, .success(let page)):
      "messages due: \(page.messages.map { "\($0.ref.number)@\($0.due.microseconds)" })"
    case .messagesDue(_, .failure(let failure)): "messages due: \(failure)"
    case .messagesLoaded(let id, .success(let loaded)):
      "messages \(id.number): \(loaded.messages.map(\.ref.number))"
    case .messagesLoaded(let id, .failure(let failure)): "messages \(id.number): \(failure)"
    case .delivered(let id, let reply): "delivery \(id.number) ends: \(reply)"
    case .endpointReady(let namespace): "endpoint of \(namespace.number) is ready"
    case .committed(let id): "committed \(id.number)"
    case .refused(let id, let refusal): "refused \(id.number): \(refusal.code)"
    case .commitDelayed(let id): "delayed \(id.number)"
    case .fenced(let id): "fenced \(id.number)"
    case .leaseRenewed(let until): "lease until \(until)"
    case .shardsAcquired(let grants):
      "acquired \(grants.map { "\($0.shard.number):\($0.epoch)" })"
    case .shardsLost(let shards): "lost \(shards.map(\.number))"
    case .permits(let message): message.summary
    case .namespacesChanged(let records): "namespaces \(records.map(\.namespace))"
    case .timePassed: "time passed"
    }
  }

  /// Tells nothing to who looks for a fault.
  var isRoutine: Bool {
    switch self {
    case .leaseRenewed, .timePassed: true
    case .due(_, let pages):
      pages.allSatisfy { page in (try? page.get()).map { $0.machines.isEmpty } ?? false }
    default: false
    }
  }

  /// What the trace's hash takes of it.
  var fingerprint: UInt64 {
    switch self {
    case .request(let request): 1 << 56 | request.id.number
    case .cancelled(let id): 2 << 56 | id.number
    case .loaded(let id, _): 3 << 56 | id.number
    case .listed(let id, _): 4 << 56 | id.number
    case .due: 5 << 56
    case .processorAnswered(let step, let attempt, _):
      6 << 56 | step.number << 8 | UInt64(UInt8(truncatingIfNeeded: attempt))
    case .endpointReady(let namespace): 7 << 56 | UInt64(UInt32(bitPattern: namespace.number))
    case .committed(let id): 8 << 56 | id.number
    case .refused(let id, _): 9 << 56 | id.number
    case .commitDelayed(let id): 10 << 56 | id.number
    case .fenced(let id): 11 << 56 | id.number
    case .leaseRenewed(let until): 12 << 56 | UInt64(bitPattern: until)
    case .shardsAcquired(let grants): 13 << 56 | UInt64(grants.count)
    case .shardsLost(let shards): 14 << 56 | UInt64(shards.count)
    case .namespacesChanged: 15 << 56
    case .timePassed: 16 << 56
    case .permits(let message): 17 << 56 | message.fingerprint
    case .traceRead(let id, _): 18 << 56 | id.number
    case .messagesDue(let query, _): 19 << 56 | query.number
    case .messagesLoaded(let id, _): 20 << 56 | id.number
    case .delivered(let id, _): 21 << 56 | id.number
    }
  }
}

extension Effect {
  var isRoutine: Bool {
    switch self {
    case .wake, .readDue, .readMessages: true
    default: false
    }
  }

  var summary: String {
    switch self {
    case .reply(let id, .machine(let machine)):
      "reply \(id.number): \(machine.machineID.text) \(machine.status) event "
        + "\(machine.lastEventID), shows \(machine.history.map(\.id))"
    case .reply(let id, let reply): "reply \(id.number): \(reply)"
    case .load(let load):
      "load \(load.id.number): \(load.machine.text)\(load.row ? " row" : "")"
        + (load.history.map { " history \($0.after),\($0.limit ?? -1),\($0.direction)" } ?? "")
        + (load.idempotencyKey.map { " key \($0)" } ?? "")
        + (load.notificationsAfter.map { " notifications \($0)" } ?? "")
    case .list(let id, let listing): "list \(id.number): \(listing.text)"
    case .readTrace(let id, _, let machine, _): "read trace \(id.number): \(machine.text)"
    case .readDue(let query):
      "read due: "
        + "\(query.spans.map { "\($0.name) \($0.from)…\($0.until.microseconds), \($0.limit)" })"
    case .readMessages(let query):
      "read messages: \(query.from)…\(query.until.microseconds), \(query.limit)"
    case .loadMessages(let load): "load messages \(load.id.number): \(load.messages.map(\.number))"
    case .deliver(let delivery):
      "deliver \(delivery.id.number) of \(delivery.sender.text) to \(delivery.target.text)"
    case .invoke(let invocation):
      "invoke \(invocation.step.number).\(invocation.attempt) \(invocation.machine.machineID.text)"
        + " \(invocation.stimulus.summary) epoch \(invocation.epoch) until \(invocation.deadline)"
        + " timeout \(invocation.timeout)"
    case .callOff(let step, let attempt): "call off \(step.number).\(attempt)"
    case .awaitEndpoint(let namespace): "await the endpoint of \(namespace.number)"
    case .sendPermits(let message): "send \(message.summary)"
    case .commit(let batch):
      "commit \(batch.id.number) slot \(batch.slot): \(batch.records.map(\.summary))"
    case .wake(let time): "wake at \(time)"
    }
  }

  var fingerprint: UInt64 {
    switch self {
    case .reply(let id, _): 32 << 56 | id.number
    case .load(let load): 33 << 56 | load.id.number
    case .list(let id, _): 34 << 56 | id.number
    case .readDue: 35 << 56
    case .invoke(let invocation): 36 << 56 | invocation.step.number
    case .awaitEndpoint(let namespace): 37 << 56 | UInt64(UInt32(bitPattern: namespace.number))
    case .callOff(let step, _): 40 << 56 | step.number
    case .commit(let batch): 38 << 56 | batch.id.number << 16 | UInt64(batch.records.count)
    case .wake(let time): 39 << 56 | UInt64(bitPattern: time)
    case .sendPermits(let message): 41 << 56 | message.fingerprint
    case .readTrace(let id, _, _, _): 42 << 56 | id.number
    case .readMessages(let query): 43 << 56 | query.number
    case .loadMessages(let load): 44 << 56 | load.id.number
    case .deliver(let delivery): 45 << 56 | delivery.id.number
    }
  }
}

extension PermitMessage {
  fileprivate var summary: String {
    "permits of \(namespace.number) from core \(from.number) to \(to.number): \(content) "
      + "(\(kind)), fair is \(fairShare)"
  }

  fileprivate var fingerprint: UInt64 {
    let (what, number): (UInt64, Int) =
      switch content {
      case .wanted(let number): (1, number)
      case .returned(let number): (2, number)
      case .lent(let number): (3, number)
      case .recalled(let number): (4, number)
      }
    let cores = UInt64(from.number) << 12 | UInt64(to.number) << 4
    return cores | what << 32 | UInt64(kind.rawValue) << 36 | UInt64(number) << 40
  }
}

extension Result<DuePage, ReadFailure> {
  fileprivate var summary: String {
    switch self {
    case .success(let page):
      "\(page.machines.map { "\($0.machine.text)@\($0.position.due.microseconds)" })"
    case .failure(let failure): "\(failure)"
    }
  }
}

extension Listing {
  fileprivate var text: String {
    switch self {
    case .machines(_, let namespace, _): namespace
    case .counts(let number): "counts of \(number.number)"
    case .messages(_, _, let machine, let query): "messages of \(machine.text) \(query.after)"
    case .notifications(_, _, let machine, let query): "queue of \(machine.text) \(query.after)"
    }
  }
}

extension Listed {
  fileprivate var count: Int {
    switch self {
    case .machines(let page): page.machines.count
    case .counts(let counts): counts.count
    case .notifications(let page): page?.notifications.count ?? -1
    case .messages(let page): page?.messages.count ?? -1
    }
  }
}

extension MachineID {
  var text: String { "\(namespace)/\(id)" }
}

extension Operation {
  var tag: UInt64? { form.args.flatMap { Tag.number(in: $0) } }

  var key: String? { form.key }
}

extension Invocation.Stimulus {
  var summary: String {
    switch self {
    case .signal(.initialize(let args)): "init \(Tag.number(in: args).map(String.init) ?? "-")"
    case .signal(.timeout): "timeout"
    case .signal(.undelivered(let message)): "undelivered \(message.target)"
    case .signal(.notification(_, let id, _)): "notification \(id)"
    case .call(let args, _): "call \(Tag.number(in: args).map(String.init) ?? "-")"
    case .repair(let args, _): "repair \(Tag.number(in: args).map(String.init) ?? "-")"
    }
  }
}

extension ProcessorOutcome {
  var summary: String {
    switch self {
    case .answered(let answer):
      "answer \(Tag.number(in: answer.response).map(String.init) ?? "-"), "
        + "\(answer.change.events.count) events\(answer.change.auxState == nil ? "" : ", aux"), "
        + "\(answer.action.timer.map { "\($0)" } ?? "keep")"
        + "\(answer.action.remove ? ", remove" : "")\(answer.action.fail == nil ? "" : ", fail")"
    default: "\(self)"
    }
  }
}

extension CommitRecord {
  var summary: String {
    let change =
      switch row {
      case .keep: "keep"
      case .insert(let row): "insert \(row.summary)"
      case .update(let row, let auxChanged): "update\(auxChanged ? "+aux" : "") \(row.summary)"
      case .pause(let row): "\(row.pause == nil ? "resume" : "pause") \(row.summary)"
      case .requeue(let due): "requeue \(due?.microseconds ?? -1)"
      case .condemn(_, let version): "condemn v\(version)"
      case .delete(let version): "delete v\(version)"
      }
    return "\(machine.text) \(change) +\(events.count)"
      + (enqueued.isEmpty ? "" : " enqueued \(enqueued.map(\.sequence))")
      + (dequeued.map { " dequeued \($0)" } ?? "")
      + (dropped.map { " dropped \($0.sequence)" } ?? "")
      + (rescheduled.map { " rescheduled \($0.sequence)" } ?? "")
      + (sent.isEmpty ? "" : " sends \(sent.map(\.ref.number))")
      + (takenOut.isEmpty ? "" : " takes out \(takenOut)")
      + (postponed.map { " postpones \($0.number)" } ?? "")
      + (idempotency.map { " key \($0.key)" } ?? "")
      + (traced.map { " traced \($0.record.outcome) \($0.record.sequence)" } ?? "")
  }
}

extension MachineRow {
  var summary: String {
    "#\(key.number) v\(version) events \(lastEventID) queue \(notificationCount)"
      + (failure == nil ? "" : " failed")
      + (timer.map { " timer \($0.serial)@\($0.due.microseconds)" } ?? "")
      + " due \(due?.microseconds ?? -1)"
  }
}
