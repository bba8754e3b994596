import NIOCore

/// How connections are spread over the addresses of a name. A value without IO.
enum AddressSet {
  /// The most addresses of one name that are used.
  static let maximumCount = 64

  /// What to change about the subchannels after a look-up.
  struct Change: Sendable, Hashable {
    /// The indexes of subchannels to give up, ascending.
    var removed: [Int] = []
    /// The addresses to make new ones for.
    var added: [SocketAddress] = []
  }

  /// - Parameters:
  ///   - existing: the address of each subchannel there is.
  ///   - hopeful: those whose subchannels are connected, or may be soon.
  ///   - resolved: what the name stands for now.
  ///   - connections: how many subchannels there shall be at least.
  ///   - random: from 0 up to 1: which addresses are used of a name with too many.
  static func change(
    from existing: [SocketAddress], hopeful: Set<SocketAddress> = [],
    to resolved: [SocketAddress], connections: Int, random: Double = 0
  ) -> Change {
    let unique = chosen(of: resolved, hopeful, random: random)
    var change = Change()
    guard !unique.isEmpty else { return change }
    let total = max(unique.count, min(max(connections, 1), 256))
    var wanted: [SocketAddress: Int] = [:]
    for index in 0..<total { wanted[unique[index % unique.count], default: 0] += 1 }
    for (index, address) in existing.enumerated() {
      if let count = wanted[address], count > 0 {
        wanted[address] = count - 1
      } else {
        change.removed.append(index)
      }
    }
    for address in unique {
      change.added += Array(repeating: address, count: wanted[address] ?? 0)
    }
    return change
  }

  /// Each address once. Of too many those that are hopeful stay, and chance chooses the others:
  /// several servers do not all meet at the same ones, and what does not work makes room for what
  /// may.
  private static func chosen(
    of resolved: [SocketAddress], _ hopeful: Set<SocketAddress>, random: Double
  ) -> [SocketAddress] {
    var seen: Set<SocketAddress> = []
    let unique = resolved.filter { seen.insert($0).inserted }
    guard unique.count > maximumCount else { return unique }
    let kept = unique.filter(hopeful.contains).prefix(maximumCount)
    let others = unique.filter { !hopeful.contains($0) }
    // Those that come after one that chance chooses, in a ring.
    let first = min(max(Int(random * Double(others.count)), 0), others.count)
    let ring = others[first...] + others[..<first]
    return Array(kept + ring.prefix(maximumCount - kept.count))
  }
}
