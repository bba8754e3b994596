import MachineModel
import ProgressorProto
import ProgressorServer

/// A namespace, printed.
enum NamespaceOutput {
  static func print(_ namespace: Namespace, json: Bool) {
    Output.line(
      lines(namespace).joined(separator: "\n"), json: json ? self.json(namespace) : nil)
  }

  /// The JSON form of `progressor.v1.Namespace`.
  static func json(_ namespace: Namespace) -> JSONValue {
    let policy = namespace.retryPolicy
    let limits = namespace.limits
    return .members([
      "name": .string(namespace.name),
      "processor": .members([
        "endpoint": .string(namespace.processor.endpoint),
        "timeout": namespace.processor.timeout.map(duration),
        "maxInFlight": .int32(namespace.processor.maxInFlight),
        "connections": .int32(namespace.processor.connections),
        "tls": namespace.processor.tls.map(tls),
      ]),
      "retryPolicy": .members([
        "initialInterval": policy.initialInterval.map(duration),
        "multiplier": policy.multiplier.map { .number("\($0)") },
        "maxInterval": policy.maxInterval.map(duration),
        "maxAttempts": policy.maxAttempts.map(JSONValue.int32),
        "jitter": policy.jitter.map { .number("\($0)") },
        "nonRetryable": .array(policy.nonRetryable.map(JSONValue.string)),
      ]),
      "limits": .members([
        "mailbox": limits.mailbox.map(JSONValue.int32),
        "stepsInFlight": limits.stepsInFlight.map(JSONValue.int32),
        "notifications": limits.notifications.map(JSONValue.int32),
        "messages": limits.messages.map(JSONValue.int32),
      ]),
      "defaultHistoryRange": namespace.defaultHistoryRange.map(MachineJSON.range),
      "idempotencyRetention": namespace.idempotencyRetention.map(duration),
      "trace": .members([
        "level": namespace.trace.level.map { .string(name($0)) },
        "retention": namespace.trace.retention.map(duration),
      ]),
      "feed": .members([
        "enabled": .bool(namespace.feed.isEnabled),
        "bodies": .bool(namespace.feed.hasBodies),
        "retention": namespace.feed.retention.map(duration),
        "maxBytes": .int64(namespace.feed.maxBytes),
      ]),
      "version": .int64(namespace.version),
      "paused": namespace.pause.map(MachineJSON.pause),
    ])
  }

  /// What holds, one per line; what was not set is marked as a default.
  static func lines(_ namespace: Namespace) -> [TerminalText] {
    let (processor, limits) = (namespace.processor, namespace.limits)
    let given = processor.maxInFlight > 0 ? processor.maxInFlight : nil
    let connections = processor.connections > 0 ? processor.connections : nil
    var lines: [TerminalText] = [
      "\(namespace.name)", "  endpoint       \(processor.endpoint)",
      "  timeout        \(time(processor.timeout, ProcessorOptions.defaultTimeout))",
      "  max in flight  \(value(given, ProcessorOptions.defaultMaxInFlight))",
      "  connections    \(value(connections, ProcessorOptions.defaultConnections))",
    ]
    if let tls = processor.tls { lines.append("  TLS            \(text(tls))") }
    lines += policy(namespace.retryPolicy)
    lines += [
      "  mailbox        \(value(limits.mailbox, Limits.defaultMailbox))",
      "  steps          \(value(limits.stepsInFlight, Limits.defaultStepsInFlight))",
      "  notifications  \(value(limits.notifications, Limits.defaultNotifications))",
      "  messages       \(value(limits.messages, Limits.defaultMessages))",
      "  keys kept      "
        + time(namespace.idempotencyRetention, Namespace.defaultIdempotencyRetention),
      "  recorded       \(value(namespace.trace.level.map(word), word(TraceOptions.defaultLevel)))",
      "  records kept   "
        + time(namespace.trace.retention, TraceOptions.defaultRetention),
    ]
    lines += feed(namespace.feed)
    lines.append("  version        \(namespace.version)")
    if let pause = namespace.pause { lines.append("  paused         \(MachineText.pause(pause))") }
    return lines
  }

  private static func name(_ level: TraceLevel) -> String {
    switch level {
    case .nothing: "TRACE_LEVEL_NONE"
    case .changes: "TRACE_LEVEL_CHANGES"
    case .all: "TRACE_LEVEL_ALL"
    }
  }

  /// As `--trace-level` has it.
  private static func word(_ level: TraceLevel) -> String {
    switch level {
    case .nothing: "none"
    case .changes: "changes"
    case .all: "all"
    }
  }

  /// The JSON form of `progressor.v1.ProcessorTls`.
  private static func tls(_ tls: ProcessorTLS) -> JSONValue {
    .members([
      "caFile": .string(tls.caFile), "certificateFile": .string(tls.certificateFile),
      "keyFile": .string(tls.keyFile), "serverName": .string(tls.serverName),
    ])
  }

  private static func text(_ tls: ProcessorTLS) -> String {
    var parts = ["trusts \(tls.caFile.isEmpty ? "the system's authorities" : tls.caFile)"]
    if !tls.certificateFile.isEmpty {
      parts.append("certificate \(tls.certificateFile)")
      parts.append("key \(tls.keyFile)")
    }
    if !tls.serverName.isEmpty { parts.append("name \(tls.serverName)") }
    return parts.joined(separator: ", ")
  }

  private static func policy(_ policy: RetryPolicy) -> [TerminalText] {
    let attempts: TerminalText =
      policy.maxAttempts == 0
      ? "no limit" : value(policy.maxAttempts, RetryPolicy.defaultMaxAttempts)
    var lines: [TerminalText] = [
      "  first retry    \(time(policy.initialInterval, RetryPolicy.defaultInitialInterval))",
      "  multiplier     \(value(policy.multiplier, RetryPolicy.defaultMultiplier))",
      "  at most        \(time(policy.maxInterval, RetryPolicy.defaultMaxInterval))",
      "  attempts       " + attempts,
      "  jitter         \(value(policy.jitter, RetryPolicy.defaultJitter))",
    ]
    if !policy.nonRetryable.isEmpty {
      lines.append("  not retried    \(policy.nonRetryable.joined(separator: ", "))")
    }
    return lines
  }

  private static func feed(_ feed: FeedOptions) -> [TerminalText] {
    let data: TerminalText = feed.hasBodies ? "with events' data" : "without events' data"
    let told: TerminalText = feed.isEnabled ? "on, " + data : "off"
    let size = feed.maxBytes > 0 ? Quantity.text(bytes: Int(feed.maxBytes)) : nil
    return [
      "  feed           " + told,
      "  feed kept      \(time(feed.retention, FeedOptions.defaultRetention))",
      "  feed size      \(value(size, "no bound"))",
    ]
  }

  private static func value<Value>(_ given: Value?, _ standard: Value) -> TerminalText {
    // What somebody set may be any text.
    given.map { TerminalText(foreign: "\($0)") } ?? TerminalText(foreign: "\(standard)")
      + " (default)"
  }

  private static func time(_ given: Int64?, _ standard: Int64) -> TerminalText {
    value(given.map(text), text(standard))
  }

  private static func text(_ microseconds: Int64) -> String {
    Quantity.text(microseconds: Int(microseconds))
  }

  /// Seconds with an `s`, as protobuf's JSON form has it.
  private static func duration(_ microseconds: Int64) -> JSONValue {
    let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    if rest == 0 { return .string("\(seconds)s") }
    let digits = String(rest.magnitude)
    return .string("\(seconds)." + String(repeating: "0", count: 6 - digits.count) + digits + "s")
  }
}
