import CProgressorProto
import MachineModel

extension RetryPolicy: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__RetryPolicy>?) -> Void {
    progressor__v1__retry_policy__init
  }

  init(_ message: Progressor__V1__RetryPolicy) throws(ProtobufError) {
    self.init(
      initialInterval: try ProtobufDuration.read(
        message.initial_interval, "initial_interval", atLeast: 0),
      maxInterval: try ProtobufDuration.read(message.max_interval, "max_interval", atLeast: 0),
      nonRetryable: try ProtobufCBinaryData.texts(
        message.non_retryable, count: message.n_non_retryable, "non_retryable"))
    if message.optional_multiplier_case
      == PROGRESSOR__V1__RETRY_POLICY__OPTIONAL_MULTIPLIER_MULTIPLIER
    {
      multiplier = message.multiplier
    }
    if message.optional_max_attempts_case
      == PROGRESSOR__V1__RETRY_POLICY__OPTIONAL_MAX_ATTEMPTS_MAX_ATTEMPTS
    {
      maxAttempts = message.max_attempts
    }
    if message.optional_jitter_case == PROGRESSOR__V1__RETRY_POLICY__OPTIONAL_JITTER_JITTER {
      jitter = message.jitter
    }
  }

  func fill(_ message: inout Progressor__V1__RetryPolicy, in arena: inout ProtobufArena) {
    message.initial_interval = arena.make(microseconds: initialInterval)
    if let multiplier {
      message.optional_multiplier_case =
        PROGRESSOR__V1__RETRY_POLICY__OPTIONAL_MULTIPLIER_MULTIPLIER
      message.multiplier = multiplier
    }
    message.max_interval = arena.make(microseconds: maxInterval)
    if let maxAttempts {
      message.optional_max_attempts_case =
        PROGRESSOR__V1__RETRY_POLICY__OPTIONAL_MAX_ATTEMPTS_MAX_ATTEMPTS
      message.max_attempts = maxAttempts
    }
    if let jitter {
      message.optional_jitter_case = PROGRESSOR__V1__RETRY_POLICY__OPTIONAL_JITTER_JITTER
      message.jitter = jitter
    }
    message.non_retryable = arena.makeAll(nonRetryable)
    message.n_non_retryable = nonRetryable.count
  }
}
