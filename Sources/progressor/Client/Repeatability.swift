/// What a call would do if it reached a server twice.
enum Repeatability: Sendable, Hashable {
  /// It reads.
  case read
  /// It changes something, and a repeat has no second effect: its key, or the object's own id,
  /// tells the server.
  case keyed
  /// It changes something each time, or answers otherwise when it is done already.
  case once

  /// A call that changes something; with a key its repeat has no second effect.
  init(key: String?) { self = key == nil ? .once : .keyed }

  /// The methods that read are called so in every service of the contract.
  init(method: String) {
    let reading = ["Get", "Watch", "List", "Count", "Trace", "Export", "Subscribe"]
    let reads = reading.contains { method.hasPrefix($0) }
    self = reads ? .read : .once
  }
}
