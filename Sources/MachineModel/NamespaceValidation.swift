/// What is wrong with a value: which field, in the contract's names, and what about it.
public struct FieldFault: Error, Sendable, Hashable {
  /// The path within the value: `retry_policy.multiplier`.
  public var field: String
  /// What is wrong with the field, as the rest of a sentence about it.
  public var problem: String

  public init(_ field: String, _ problem: String) {
    self.field = field
    self.problem = problem
  }

  /// As an error for a caller who knows the value under this path; empty = the value itself.
  public func error(path: String) -> ProgressorError {
    .invalidArgument(field: path.isEmpty ? field : "\(path).\(field)", problem)
  }
}

extension Namespace {
  /// The first field that is out of its range, nil = none. The one place of these rules, but for
  /// the syntax of endpoints, which those know who connect to them.
  public var fault: FieldFault? {
    do throws(ProgressorError) {
      try MachineID.validate(name, field: "")
    } catch {
      return FieldFault("name", String(error.message.dropFirst(2)))
    }
    if version < 0 { return FieldFault("version", "must not be negative") }
    if let idempotencyRetention, idempotencyRetention < 0 {
      return FieldFault("idempotency_retention", "must not be negative")
    }
    if let retention = trace.retention, retention <= 0 {
      return FieldFault("trace.retention", "must be positive")
    }
    if let retention = feed.retention, retention <= 0 {
      return FieldFault("feed.retention", "must be positive")
    }
    if feed.maxBytes < 0 { return FieldFault("feed.max_bytes", "must not be negative") }
    if let range = defaultHistoryRange {
      if range.after < 0 {
        return FieldFault("default_history_range.after", "must not be negative")
      }
      if let limit = range.limit, limit < 0 {
        return FieldFault("default_history_range.limit", "must not be negative")
      }
    }
    return processor.fault ?? retryPolicy.fault ?? limits.fault
  }

  /// Throws `INVALID_ARGUMENT` for the first field that is out of its range. `path` names the
  /// namespace in the message (`namespace`), or is empty.
  public func validate(path: String) throws(ProgressorError) {
    if let fault { throw fault.error(path: path) }
  }
}

extension ProcessorOptions {
  /// Bytes of an endpoint.
  public static let maximumEndpointBytes = 1_024
  /// Bytes of an endpoint and of all that is said of its TLS.
  public static let maximumTLSBytes = 1_000
  /// Connections to each address.
  public static let maximumConnections: Int32 = 64

  fileprivate var fault: FieldFault? {
    if endpoint.isEmpty {
      return FieldFault(
        "processor.endpoint", "must be set: HOST:PORT, dns:///…, ipv4:…, ipv6:… or unix:PATH")
    }
    if endpoint.utf8.count > Self.maximumEndpointBytes {
      return FieldFault("processor.endpoint", "is longer than \(Self.maximumEndpointBytes) bytes")
    }
    if endpoint.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
      return FieldFault("processor.endpoint", "contains a space or a control character")
    }
    if let timeout, timeout <= 0 { return FieldFault("processor.timeout", "must be positive") }
    if maxInFlight < 0 { return FieldFault("processor.max_in_flight", "must not be negative") }
    if !(0...Self.maximumConnections).contains(connections) {
      return FieldFault("processor.connections", "must be 0 to \(Self.maximumConnections)")
    }
    guard let tls else { return nil }
    let bytes = tls.files.reduce(endpoint.utf8.count + tls.serverName.utf8.count) {
      $0 + $1.path.utf8.count
    }
    if bytes > Self.maximumTLSBytes {
      return FieldFault(
        "processor.tls", "is, with the endpoint, longer than \(Self.maximumTLSBytes) bytes")
    }
    return tls.fault
  }
}

extension RetryPolicy {
  /// Entries of `nonRetryable`.
  public static let maximumNonRetryable = 100

  fileprivate var fault: FieldFault? {
    if let initialInterval, initialInterval < 0 {
      return FieldFault("retry_policy.initial_interval", "must not be negative")
    }
    if let maxInterval, maxInterval < 0 {
      return FieldFault("retry_policy.max_interval", "must not be negative")
    }
    if let multiplier, !(multiplier >= 1 && multiplier.isFinite) {
      return FieldFault("retry_policy.multiplier", "must be at least 1")
    }
    if let maxAttempts, maxAttempts < 0 {
      return FieldFault("retry_policy.max_attempts", "must not be negative")
    }
    if let jitter, !(jitter >= 0 && jitter <= 1) {
      return FieldFault("retry_policy.jitter", "must be 0 to 1")
    }
    if nonRetryable.count > Self.maximumNonRetryable {
      return FieldFault(
        "retry_policy.non_retryable", "has more than \(Self.maximumNonRetryable) entries")
    }
    for name in nonRetryable where name.isEmpty || name.utf8.count > MachineID.maximumBytes {
      return FieldFault(
        "retry_policy.non_retryable", "has an entry that is not 1 to 256 bytes long")
    }
    return nil
  }
}

extension Limits {
  fileprivate var fault: FieldFault? {
    let fields = [
      ("mailbox", mailbox), ("steps_in_flight", stepsInFlight), ("notifications", notifications),
      ("messages", messages),
    ]
    for (name, value) in fields {
      if let value, value <= 0 { return FieldFault("limits.\(name)", "must be positive") }
    }
    return nil
  }
}
