public import MachineModel

/// Why bytes are not a message of the contract.
public enum ProtobufError: Error, Sendable, Hashable {
  /// The bytes are not protobuf, or not of this message.
  case malformed
  /// Decoding would take more memory than `DecodingBudget` allows.
  case exhausted
  /// A field is not as the contract demands. `path` is its name in the message, with the names of
  /// the messages around it: "action.set_timer.timeout".
  case invalid(path: String, problem: String)

  /// The same error, seen from the message that holds the field `name`.
  func within(_ name: String) -> ProtobufError {
    switch self {
    case .invalid(let path, let problem): .invalid(path: "\(name).\(path)", problem: problem)
    case .malformed, .exhausted: self
    }
  }

  static func invalid(_ field: String, _ problem: String) -> ProtobufError {
    .invalid(path: field, problem: problem)
  }

  /// What a check of the model's found: its message is "path: problem".
  init(_ error: ProgressorError) {
    let colon = error.message.firstRange(of: ": ")
    self = .invalid(
      path: colon.map { String(error.message[..<$0.lowerBound]) } ?? "",
      problem: colon.map { String(error.message[$0.upperBound...]) } ?? error.message)
  }
}

extension ProtobufError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed: "the message cannot be decoded"
    case .exhausted: "the message takes too much memory to decode"
    case .invalid(let path, let problem): "\(path): \(problem)"
    }
  }
}

extension ProgressorError {
  /// What a client is told whose request could not be decoded: INTERNAL as gRPC has it for a parse
  /// error, RESOURCE_EXHAUSTED for a bomb, INVALID_ARGUMENT naming the field for the rest.
  public init(_ error: ProtobufError) {
    switch error {
    case .malformed: self.init(.internal, .invalidArgument, error.description)
    case .exhausted:
      // A negative push-back: do not try again (gRFC A6).
      self.init(.resourceExhausted, .invalidArgument, error.description, retryPushback: -1)
    case .invalid: self.init(.invalidArgument, .invalidArgument, error.description)
    }
  }
}
