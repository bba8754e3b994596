import MachineModel
import ProgressorEngine
import ProgressorEngineTestKit

/// The words of a command: positional ones and `name=value`.
struct Arguments {
  private var named: [String: String] = [:]
  private var positional: [String] = []

  init(_ words: some Sequence<String>) {
    for word in words {
      if let equals = word.firstIndex(of: "=") {
        named[String(word[..<equals])] = String(word[word.index(after: equals)...])
      } else {
        positional.append(word)
      }
    }
  }

  subscript(name: String) -> String? { named[name] }
  var first: String { positional.first ?? "" }
  func has(_ word: String) -> Bool { positional.contains(word) }

  func number(_ prefix: String) -> UInt64 { UInt64(first.dropFirst(prefix.count)) ?? 0 }

  /// `5s`, `250ms`.
  func duration(_ text: String) -> Duration {
    if text.hasSuffix("ms") { return .milliseconds(Int64(text.dropLast(2)) ?? 0) }
    return .seconds(Int64(text.dropLast()) ?? 0)
  }

  /// What is to be recorded; nothing given = the default.
  var level: TraceLevel? { TraceLevel.allCases.first { "\($0)" == first } }

  var range: HistoryRange? {
    guard self["after"] != nil || self["limit"] != nil || has("backward") else { return nil }
    return HistoryRange(
      after: Int64(self["after"] ?? "0") ?? 0, limit: self["limit"].flatMap { Int32($0) },
      direction: has("backward") ? .backward : .forward)
  }

  /// What is imported: its events and notifications by their texts, with commas between.
  func machine(now: Timestamp) -> ImportedMachine {
    func texts(_ name: String) -> [[UInt8]] {
      (self[name] ?? "").split(separator: ",").map { Array($0.utf8) }
    }
    let start = now.advanced(byMicroseconds: -3_600_000_000)
    let events = texts("events").enumerated().map { index, text in
      Event(id: Int64(index + 1), createdAt: start, body: Content(data: text))
    }
    let retry = RetryState(attempt: 2, nextAttemptAt: now, lastCode: 14, lastMessage: "gone")
    let queue = texts("queue").enumerated().map { index, text in
      PortableNotification(
        acceptedAt: start, args: text, retry: has("retrying") && index == 0 ? retry : nil)
    }
    var head = PortableMachine(
      id: first, createdAt: start, lastEventID: Int64(events.count),
      queuedNotifications: Int32(queue.count))
    head.auxState = self["aux"].map { Content(formatVersion: 1, data: Array($0.utf8)) }
    if let timer = self["timer"] {
      let distance = timer.hasPrefix("-") ? duration(String(timer.dropFirst())) : duration(timer)
      head.timer = PortableTimer(
        firesAt: now.advanced(
          byMicroseconds: distance.microseconds * (timer.hasPrefix("-") ? -1 : 1)))
    }
    if has("failed") {
      head.failure = Failure(
        reason: "broken", failedAt: start, stepKind: .timeout, code: 13, attempts: 1, step: "t-0-1")
    }
    if has("paused") { head.pause = Pause(pausedAt: start, reason: "why") }
    if has("repaired") { head.since = now }
    return ImportedMachine(head: head, events: events, notifications: queue)
  }

  /// What the processor is to have answered.
  var outcome: ProcessorOutcome {
    if let name = self["status"] {
      let code = Code.allCases.first { "\($0)" == name } ?? .unknown
      return .status(
        ProcessorStatus(
          code: code, message: has("silent") ? "" : "because", details: has("details") ? [[1]] : [])
      )
    }
    if has("unreachable") { return .unreachable(message: "connection refused") }
    if has("lost") { return .lost(code: .unavailable, message: "the stream was cut") }
    if has("unusable") { return .unusable(message: "no message") }
    var answer = ProcessorAnswer(response: Array((self["response"] ?? "").utf8))
    answer.change.events = (self["events"] ?? "").split(separator: ",").map {
      Content(data: Array($0.utf8))
    }
    if let aux = self["aux"] {
      answer.change.auxState = Content(formatVersion: aux == "" ? 0 : 1, data: Array(aux.utf8))
    }
    switch self["timer"] {
    case nil: break
    case "unset": answer.action.timer = .unset
    case let after?:
      let setting = TimerSetting(when: .timeout(microseconds: duration(after).microseconds))
      answer.action.timer = .set(setting)
    }
    answer.action.remove = has("remove")
    return .answered(answer)
  }
}

extension Effect {
  func lines(now: Moment) -> [String] {
    switch self {
    case .reply(let id, let reply): return ["reply r\(id.number) \(reply.text)"]
    case .load(let load):
      var words = ["load \(load.machine.id)"]
      if load.row { words.append("row") }
      if let range = load.history { words.append("history=\(range.text)") }
      if let key = load.idempotencyKey { words.append("key=\(key)") }
      return [words.joined(separator: " ")]
    case .list: return ["list"]
    case .readTrace(_, _, let machine, _): return ["read trace \(machine.id)"]
    case .readDue, .readMessages: return []
    case .loadMessages(let load): return ["load \(load.messages.count) messages"]
    case .deliver(let delivery): return ["deliver to \(delivery.target.id)"]
    case .invoke(let invocation): return ["invoke \(invocation.text(now: now))"]
    case .callOff(_, let attempt): return ["call off attempt=\(attempt)"]
    case .awaitEndpoint: return ["await endpoint"]
    case .commit(let batch): return ["commit"] + batch.records.map { "  \($0.text(now: now))" }
    case .sendPermits(let message): return ["permits \(message.content)"]
    case .wake: return []
    }
  }
}

extension HistoryRange {
  var text: String {
    let end = limit.map { "+\($0)" } ?? "…"
    return "\(after)\(direction == .forward ? ">" : "<")\(end)"
  }
}

extension Invocation {
  func text(now: Moment) -> String {
    let what =
      switch stimulus {
      case .signal(.initialize(let args)): "init args=\(String(decoding: args, as: UTF8.self))"
      case .signal(.timeout): "timeout"
      case .signal(.notification(let args, _, _)):
        "notification args=\(String(decoding: args, as: UTF8.self))"
      case .signal(.undelivered(let message)): "undelivered \(message.target.id) \(message.reason)"
      case .call(let args, _): "call args=\(String(decoding: args, as: UTF8.self))"
      case .repair: "repair"
      }
    let history = machine.history.map { "\($0.id)" }.joined(separator: ",")
    let timer = machine.timer.map { " timer=\(after($0, now))" } ?? ""
    let principal = context.principal.map { " by=\($0)" } ?? ""
    return "\(machine.machineID.id) \(what) attempt=\(attempt) history=[\(history)]\(timer)"
      + principal
  }
}

/// Milliseconds from now.
func after(_ time: Timestamp, _ now: Moment) -> String {
  let distance = (time.microseconds - now.wall.microseconds) / 1_000
  return distance < 0 ? "\(distance)ms" : "+\(distance)ms"
}

extension CommitRecord {
  func text(now: Moment) -> String {
    var words = [machine.id]
    switch row {
    case .keep: break
    case .insert(let row): words += ["insert"] + row.words(now: now)
    case .update(let row, _): words += ["update"] + row.words(now: now)
    case .pause(let row): words += [row.pause == nil ? "resume" : "pause"] + row.words(now: now)
    case .requeue(let due): words.append("requeue" + (due.map { " due=\(after($0, now))" } ?? ""))
    case .condemn(let failure, let version):
      words.append("condemn v\(version) \(failure.stepKind): \(failure.reason)")
      if let principal = failure.principal { words.append("by=\(principal)") }
    case .delete(let version): words.append("delete v\(version)")
    }
    if !events.isEmpty {
      words.append("events=\(events.map { "\($0.id)" }.joined(separator: ","))")
    }
    for notification in enqueued {
      words.append("enqueue=\(String(decoding: notification.args, as: UTF8.self))")
      if let principal = notification.context.principal { words.append("by=\(principal)") }
    }
    if dequeued != nil { words.append("dequeue") }
    if let dropped { words.append(dropped.isHead ? "drop the head" : "drop") }
    if let retry = rescheduled?.retry {
      words.append("reschedule attempt=\(retry.attempt) next=\(after(retry.nextAttemptAt, now))")
    } else if rescheduled != nil {
      words.append("reschedule anew")
    }
    for message in sent { words.append("send=\(message.target.id)") }
    if !takenOut.isEmpty { words.append("without \(takenOut.count) messages") }
    if let idempotency { words.append("key=\(idempotency.key)") }
    if let traced { words.append("record=(\(traced.record.text))") }
    return words.joined(separator: " ")
  }
}

extension MachineRow {
  func words(now: Moment) -> [String] {
    var words = ["v\(version)"]
    if let auxState { words.append("aux=\(String(decoding: auxState.data, as: UTF8.self))") }
    if let timer {
      words.append("timer=\(after(timer.firesAt, now))")
      if let retry = timer.retry {
        words.append("attempt=\(retry.attempt) next=\(after(retry.nextAttemptAt, now))")
      }
      if let principal = timer.context.principal { words.append("by=\(principal)") }
    }
    if let failure {
      words.append("failed(\(failure.stepKind) \(failure.attempts)x: \(failure.reason))")
      if let principal = failure.principal { words.append("by=\(principal)") }
    }
    if let principal = pause?.principal { words.append("paused-by=\(principal)") }
    if let due { words.append("due=\(after(due, now))") }
    return words
  }
}

extension Reply {
  var text: String {
    switch self {
    case .started: "started"
    case .called(let response): "called \(String(decoding: response, as: UTF8.self))"
    case .notified: "notified"
    case .repaired: "repaired"
    case .done(.simpleRepair): "simply repaired"
    case .done(.removal): "removed"
    case .done(.pause): "paused"
    case .done(.resumption): "resumed"
    case .quiet: "quiet"
    case .counted(let counts): "counted \(counts.count)"
    case .notifications(let page): "notifications \(page.notifications.count)"
    case .done(.dropOfNotification): "dropped"
    case .messages(let page): "messages \(page.messages.count)"
    case .done(.dropOfMessage): "dropped"
    case .done(.retryOfMessage): "trying"
    case .done(.importOfMachine): "imported"
    case .machine(let machine), .watched(let machine, _): "machine \(machine.text)"
    case .listed(let machines, _): "listed \(machines.count)"
    case .traced(let steps, let next):
      steps.reduce("traced") { "\($0)\n  \($1.text)" } + (next == 0 ? "" : "\n  and more")
    case .error(let error):
      "\(error.reason.rawValue): \(error.message)" + (error.details.isEmpty ? "" : " (details)")
    }
  }
}

extension StepRecord {
  var text: String {
    var words = [kind.map { "\($0)" } ?? "-", "\(outcome)"]
    if !step.isEmpty { words.append("attempt=\(attempt)") }
    if firstEventID != 0 { words.append("events=\(firstEventID)-\(lastEventID)") }
    if code != 0 || !message.isEmpty { words.append("\(code): \(message)") }
    let took = (endedAt.microseconds - beganAt.microseconds) / 1_000
    if took != 0 { words.append("took \(took)ms") }
    return words.joined(separator: " ")
  }
}

extension Machine {
  var text: String {
    let state =
      switch status {
      case .working(nil): "working"
      case .working(let retrying?): "retrying(\(retrying.stepKind) \(retrying.attempt))"
      case .failed(let failure): "failed(\(failure.reason))"
      }
    let aux = auxState.map { " aux=\(String(decoding: $0.data, as: UTF8.self))" } ?? ""
    let events = history.map { "\($0.id)" }.joined(separator: ",")
    let paused = pause.map { " paused(\($0.reason))" } ?? ""
    let waits = waiting.map { " waits(\($0.on))" } ?? ""
    let queue = queuedNotifications == 0 ? "" : " queued=\(queuedNotifications)"
    return "\(machineID.id) \(state)\(paused)\(waits)\(queue) last=\(lastEventID)"
      + " history=[\(events)]\(aux)"
      + (timer == nil ? "" : " timer")
  }
}
