/// The forms of a processor's endpoint that the contract allows.
enum EndpointSyntax {
  /// What is wrong with an endpoint, nil = nothing.
  static func problem(of endpoint: String) -> String? { nil }
}
