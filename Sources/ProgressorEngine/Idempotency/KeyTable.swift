import MachineModel

/// The idempotency keys of one machine whose first requests are still running, and who waits on
/// them.
struct KeyTable {
  private var keys: [ExactText: PendingKey] = [:]

  var isEmpty: Bool { keys.isEmpty }
  var all: some Collection<PendingKey> { keys.values }

  /// nil = the key is free.
  subscript(key: String) -> PendingKey? { keys[ExactText(key)] }

  /// The key is the request's from now on.
  mutating func take(_ key: String, _ fingerprint: [UInt8], for request: RequestID) {
    assert(self[key] == nil, "a key has one owner")
    keys[ExactText(key)] = PendingKey(owner: request, fingerprint: fingerprint)
  }

  /// The request waits for the owner's reply.
  mutating func wait(_ request: RequestID, on key: String, _ fingerprint: [UInt8]) {
    assert(self[key] != nil, "nobody waits on a key that is free")
    keys[ExactText(key)]?.wait(request, fingerprint)
  }

  /// The request ended; nothing happens if it did not wait.
  mutating func leave(_ request: RequestID, _ key: String, _ fingerprint: [UInt8]) {
    keys[ExactText(key)]?.leave(request, fingerprint)
  }

  /// The key is its owner's for good. Answers who asks something else under it.
  mutating func confirm(_ key: String) -> [RequestID] { keys[ExactText(key)]?.confirm() ?? [] }

  /// The owner got nothing. Answers who has the key now; nil = nobody waits, and it is free.
  mutating func handOver(_ key: String) -> RequestID? {
    assert(self[key] != nil, "only a key that is taken is handed over")
    if let next = keys[ExactText(key)]?.handOver() { return next }
    keys[ExactText(key)] = nil
    return nil
  }

  /// The key is free. Answers what it was.
  mutating func free(_ key: String) -> PendingKey? { keys.removeValue(forKey: ExactText(key)) }
}
