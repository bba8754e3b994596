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
  ///   - resolved: what the name stands for now.
  ///   - connections: how many subchannels there shall be at least.
  static func change(
    from existing: [SocketAddress], to resolved: [SocketAddress], connections: Int
  ) -> Change {
    var unique: [SocketAddress] = []
    for address in resolved where unique.count < maximumCount && !unique.contains(address) {
      unique.append(address)
    }
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
}
