public import MachineModel

extension Namespace {
  /// Throws `INVALID_ARGUMENT` naming the field that cannot be.
  public func validate() throws(ProgressorError) {
    try MachineID.validate(name, field: "namespace.name")
    try processor.validate()
    try retryPolicy.validate()
    try limits.validate()
    try defaultHistoryRange?.validate(field: "namespace.default_history_range")
    try requirePositive(idempotencyRetention, "namespace.idempotency_retention")
  }
}

extension ProcessorOptions {
  static let maximumEndpointBytes = 1_024

  fileprivate func validate() throws(ProgressorError) {
    let field = "namespace.processor.endpoint"
    if endpoint.isEmpty { throw .invalidArgument(field: field, "must not be empty") }
    if endpoint.utf8.count > Self.maximumEndpointBytes {
      throw .invalidArgument(field: field, "is longer than \(Self.maximumEndpointBytes) bytes")
    }
    if endpoint.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) {
      throw .invalidArgument(field: field, "contains a space or a control character")
    }
    try requirePositive(timeout, "namespace.processor.timeout")
    try requireNotNegative(maxInFlight, "namespace.processor.max_in_flight")
    try requireNotNegative(connections, "namespace.processor.connections")
  }
}

extension RetryPolicy {
  static let maximumNonRetryable = 100

  fileprivate func validate() throws(ProgressorError) {
    let path = "namespace.retry_policy"
    try requirePositive(initialInterval, "\(path).initial_interval")
    try requirePositive(maxInterval, "\(path).max_interval")
    try requireNotNegative(maxAttempts, "\(path).max_attempts")
    if let multiplier, !(multiplier >= 1 && multiplier.isFinite) {
      throw .invalidArgument(field: "\(path).multiplier", "must be 1 or more")
    }
    if let jitter, !(jitter >= 0 && jitter <= 1) {
      throw .invalidArgument(field: "\(path).jitter", "must be between 0 and 1")
    }
    if nonRetryable.count > Self.maximumNonRetryable {
      throw .invalidArgument(
        field: "\(path).non_retryable", "has more than \(Self.maximumNonRetryable) entries")
    }
    for entry in nonRetryable {
      try MachineID.validate(entry, field: "\(path).non_retryable")
    }
  }
}

extension Limits {
  fileprivate func validate() throws(ProgressorError) {
    try requireNotNegative(mailbox, "namespace.limits.mailbox")
    try requirePositive(stepsInFlight, "namespace.limits.steps_in_flight")
    try requireNotNegative(notifications, "namespace.limits.notifications")
  }
}

private func requirePositive(
  _ value: (some BinaryInteger)?, _ field: String
) throws(ProgressorError) {
  if let value, value <= 0 { throw .invalidArgument(field: field, "must be more than 0") }
}

private func requireNotNegative(
  _ value: (some BinaryInteger)?, _ field: String
) throws(ProgressorError) {
  if let value, value < 0 { throw .invalidArgument(field: field, "must not be negative") }
}
