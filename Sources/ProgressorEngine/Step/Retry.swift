import MachineModel

extension RetryPolicy {
  /// Whether a failure of this kind fails the machine at once.
  func isNonRetryable(_ code: Code, reasons: [String]) -> Bool {
    let fatal = Set(nonRetryable.map { ExactText($0) })
    return fatal.contains(ExactText(code.name))
      || (!fatal.isEmpty && reasons.contains { fatal.contains(ExactText($0)) })
  }

  /// Whether the attempt that just failed was the last.
  func isExhausted(after attempt: Int32) -> Bool {
    let maximum = maxAttempts ?? RetryPolicy.defaultMaxAttempts
    return maximum > 0 && attempt >= maximum
  }

  /// Microseconds between the failed attempt (the first is 1) and the next.
  func interval(after attempt: Int32, random: Double) -> Int64 {
    assert(attempt > 0 && (0...1).contains(random), "attempts count from 1")
    let initial = Double(initialInterval ?? RetryPolicy.defaultInitialInterval)
    let maximum = Double(maxInterval ?? RetryPolicy.defaultMaxInterval)
    // Doubling beyond the largest number is infinite, and capped like any other.
    let growth = (multiplier ?? RetryPolicy.defaultMultiplier).power(max(0, attempt - 1))
    let interval = Swift.min(initial * growth, maximum)
    let varied = interval * (1 + (jitter ?? RetryPolicy.defaultJitter) * (2 * random - 1))
    return Int64(Swift.max(0, Swift.min(varied, 1e15)))
  }
}

extension Double {
  /// Itself to the power of `exponent`, by squaring: 31 steps at most.
  fileprivate func power(_ exponent: Int32) -> Double {
    var (result, square, rest) = (1.0, self, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

extension Code {
  /// As gRPC's documents spell it: `DEADLINE_EXCEEDED`.
  var name: String {
    switch self {
    case .ok: "OK"
    case .cancelled: "CANCELLED"
    case .unknown: "UNKNOWN"
    case .invalidArgument: "INVALID_ARGUMENT"
    case .deadlineExceeded: "DEADLINE_EXCEEDED"
    case .notFound: "NOT_FOUND"
    case .alreadyExists: "ALREADY_EXISTS"
    case .permissionDenied: "PERMISSION_DENIED"
    case .resourceExhausted: "RESOURCE_EXHAUSTED"
    case .failedPrecondition: "FAILED_PRECONDITION"
    case .aborted: "ABORTED"
    case .outOfRange: "OUT_OF_RANGE"
    case .unimplemented: "UNIMPLEMENTED"
    case .internal: "INTERNAL"
    case .unavailable: "UNAVAILABLE"
    case .dataLoss: "DATA_LOSS"
    case .unauthenticated: "UNAUTHENTICATED"
    }
  }
}
