/// One candidate after the other: gRPC's `round_robin` (gRPC `doc/load-balancing.md`). A value.
struct RoundRobin: Sendable, Hashable {
  private var next = 0

  /// The index of the next candidate that is usable, or nil.
  ///
  /// - Parameter count: how many candidates there are now; it may change between calls.
  mutating func pick(count: Int, isUsable: (Int) -> Bool) -> Int? {
    guard count > 0 else { return nil }
    for offset in 0..<count {
      let index = (next + offset) % count
      if isUsable(index) {
        next = (index + 1) % count
        return index
      }
    }
    return nil
  }
}
