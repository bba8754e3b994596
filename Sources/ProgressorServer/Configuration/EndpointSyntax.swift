import GRPC

/// The forms of a processor's endpoint that the contract allows: those of a channel's target.
enum EndpointSyntax {
  /// What is wrong with an endpoint, nil = nothing.
  static func problem(of endpoint: String) -> String? {
    do {
      _ = try ChannelTarget(endpoint)
      return nil
    } catch {
      return error.description
    }
  }
}
