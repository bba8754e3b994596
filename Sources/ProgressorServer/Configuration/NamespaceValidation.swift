public import MachineModel

extension Namespace {
  /// Throws `INVALID_ARGUMENT` unless every field is in its range; `path` names the namespace in the
  /// message (`namespace`), or is empty.
  ///
  /// The one place of these rules: the Namespaces service and the configuration both ask here.
  public func validate(path: String) throws(ProgressorError) {
    let prefix = path.isEmpty ? "" : path + "."
    try MachineID.validate(name, field: prefix + "name")
    try processor.validate(path: prefix + "processor")
    try retryPolicy.validate(path: prefix + "retry_policy")
    try limits.validate(path: prefix + "limits")
    try defaultHistoryRange?.validate(field: prefix + "default_history_range")
    if let idempotencyRetention, idempotencyRetention < 0 {
      throw .invalidArgument(field: prefix + "idempotency_retention", "must not be negative")
    }
    if version < 0 { throw .invalidArgument(field: prefix + "version", "must not be negative") }
  }
}

extension ProcessorOptions {
  func validate(path: String) throws(ProgressorError) {
    if endpoint.isEmpty {
      throw .invalidArgument(field: "\(path).endpoint", "must be set, HOST:PORT or unix:PATH")
    }
    if let problem = EndpointSyntax.problem(of: endpoint) {
      throw .invalidArgument(field: "\(path).endpoint", problem)
    }
    if let timeout, timeout <= 0 {
      throw .invalidArgument(field: "\(path).timeout", "must be positive")
    }
    if maxInFlight < 0 {
      throw .invalidArgument(field: "\(path).max_in_flight", "must not be negative")
    }
    if connections < 0 || connections > 64 {
      throw .invalidArgument(field: "\(path).connections", "must be 0 to 64")
    }
  }
}

extension RetryPolicy {
  /// Names in the policy, and bytes of one.
  static let maximumNonRetryable = 100

  func validate(path: String) throws(ProgressorError) {
    if let initialInterval, initialInterval < 0 {
      throw .invalidArgument(field: "\(path).initial_interval", "must not be negative")
    }
    if let multiplier, !(multiplier >= 1 && multiplier.isFinite) {
      throw .invalidArgument(field: "\(path).multiplier", "must be a number of at least 1")
    }
    if let maxInterval, maxInterval < 0 {
      throw .invalidArgument(field: "\(path).max_interval", "must not be negative")
    }
    if let maxAttempts, maxAttempts < 0 {
      throw .invalidArgument(field: "\(path).max_attempts", "must not be negative")
    }
    if let jitter, !(jitter >= 0 && jitter <= 1) {
      throw .invalidArgument(field: "\(path).jitter", "must be a number from 0 to 1")
    }
    if nonRetryable.count > RetryPolicy.maximumNonRetryable {
      throw .invalidArgument(
        field: "\(path).non_retryable", "has more than \(RetryPolicy.maximumNonRetryable) entries")
    }
    for name in nonRetryable {
      try MachineID.validate(name, field: "\(path).non_retryable")
    }
  }
}

extension Limits {
  func validate(path: String) throws(ProgressorError) {
    let fields = [
      ("mailbox", mailbox), ("steps_in_flight", stepsInFlight), ("notifications", notifications),
    ]
    for (name, value) in fields {
      if let value, value <= 0 {
        throw .invalidArgument(field: "\(path).\(name)", "must be positive")
      }
    }
  }
}
