/// The state of a channel or of one of its connections (gRPC
/// `doc/connectivity-semantics-and-api.md`).
public enum Connectivity: Sendable, Hashable, CaseIterable {
  /// Not connected, because there is nothing to do.
  case idle
  /// Connecting for the first time, or after a connection that had worked.
  case connecting
  /// At least one connection works.
  case ready
  /// The last attempt failed. It stays so until a connection works, also while trying again.
  case transientFailure
  /// Closed for good.
  case shutdown

  /// The state of a channel from those of its connections, by the rule of the round-robin policy.
  static func aggregate(_ states: some Sequence<Connectivity>) -> Connectivity {
    var isConnecting = false
    var isIdle = false
    var hasFailed = false
    for state in states {
      switch state {
      case .ready: return .ready
      case .connecting: isConnecting = true
      case .idle: isIdle = true
      case .transientFailure: hasFailed = true
      case .shutdown: break
      }
    }
    if isConnecting { return .connecting }
    if isIdle { return .idle }
    return hasFailed ? .transientFailure : .idle
  }
}
