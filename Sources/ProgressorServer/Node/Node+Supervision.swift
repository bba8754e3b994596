/// What a service manager wants to know of a node.
extension Node {
  /// How it fares, in a line for people.
  public var statusLine: String {
    let (addresses, isStarted, shards) = running.withLock {
      ($0.addresses, $0.isStarted, $0.backend.map(\.ownedShards) ?? 0)
    }
    guard isStarted else { return obstacle ?? "the server is starting" }
    let place = addresses.map { "\($0)" }.joined(separator: ", ")
    return obstacle.map { "listening on \(place), not serving: \($0)" }
      ?? "serving on \(place), \(shards) shards"
  }

  /// Whether all event loops have taken a turn since they were asked last; asks them anew then.
  /// False when none runs. From one task at a time.
  func takesTurns(_ pulse: LoopPulse) -> Bool {
    // In the lock, since a loop that has ended must be asked nothing: a stop takes them out first.
    running.withLock { parts in
      guard let group = parts.group else { return false }
      return pulse.beats(in: Array(group.makeIterator()))
    }
  }
}
