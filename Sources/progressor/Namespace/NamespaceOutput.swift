import MachineModel
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
      ]),
      "defaultHistoryRange": namespace.defaultHistoryRange.map(MachineJSON.range),
      "idempotencyRetention": namespace.idempotencyRetention.map(duration),
      "version": .int64(namespace.version),
      "paused": namespace.pause.map(MachineJSON.pause),
    ])
  }

  /// What is set, one per line; what is not has its default.
  static func lines(_ namespace: Namespace) -> [TerminalText] {
    let policy = namespace.retryPolicy
    var lines: [TerminalText] = [
      "\(namespace.name)", "  endpoint      \(namespace.processor.endpoint)",
    ]
    lines.append(
      "  timeout       \(text(namespace.processor.timeout ?? ProcessorOptions.defaultTimeout))")
    let first = text(policy.initialInterval ?? 1_000_000)
    let cap = text(policy.maxInterval ?? 1_800_000_000)
    let attempts = policy.maxAttempts ?? 100
    lines.append(
      "  retries       after \(first) x \(policy.multiplier ?? 2), at most \(cap), "
        + (attempts == 0 ? "no limit" : "\(attempts) attempts"))
    let kept = namespace.idempotencyRetention ?? Namespace.defaultIdempotencyRetention
    lines.append("  keys kept     \(text(kept))")
    lines.append("  version       \(namespace.version)")
    if let pause = namespace.pause {
      lines.append("  paused        \(MachineText.pause(pause))")
    }
    return lines
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
