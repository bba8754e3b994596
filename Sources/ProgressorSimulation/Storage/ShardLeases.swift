import MachineModel
import ProgressorEngine

/// The tables `node`, `writer` and `shard`: who may write what, by the database's clock.
struct ShardLeases {
  private struct Shard {
    var owner: Int?
    var epoch: Int64 = 0
  }

  private struct Writer {
    var epoch: Int64 = 1
    /// The open transaction that has locked the row.
    var holder: Int?
  }

  private struct Node {
    var expiry: Int64
    /// By slot; made when first used.
    var writers: [Int: Writer] = [:]

    var isLocked: Bool { writers.values.contains { $0.holder != nil } }
  }

  private var shards: [Shard]
  private var nodes: [Int: Node] = [:]
  private var lastIdentity = 0

  init(shards: Int32) {
    self.shards = Array(repeating: Shard(), count: Int(shards))
  }

  func owner(of shard: ShardID) -> Int? { shards[Int(shard.number)].owner }

  func epoch(of shard: ShardID) -> Int64 { shards[Int(shard.number)].epoch }

  /// Whether the node's row, and so its writers, are still there.
  func isRegistered(_ identity: Int) -> Bool { nodes[identity] != nil }

  func expiry(of identity: Int) -> Int64? { nodes[identity]?.expiry }

  /// A new node, under an identity that was never used.
  mutating func register(until expiry: Int64) -> Int {
    lastIdentity += 1
    nodes[lastIdentity] = Node(expiry: expiry)
    return lastIdentity
  }

  /// False when the node was taken over meanwhile.
  mutating func renew(_ identity: Int, until expiry: Int64) -> Bool {
    guard nodes[identity] != nil else { return false }
    nodes[identity]?.expiry = expiry
    return true
  }

  mutating func expireAll(at now: Int64) {
    for identity in nodes.keys { nodes[identity]?.expiry = now - 1 }
  }

  /// The node's writers and its row are gone, its shards are free: a takeover's first half, or an
  /// orderly end.
  mutating func remove(_ identity: Int) {
    nodes[identity] = nil
    for index in shards.indices where shards[index].owner == identity { shards[index].owner = nil }
  }

  mutating func release(_ released: [ShardID], by identity: Int) {
    for shard in released where owner(of: shard) == identity {
      shards[Int(shard.number)].owner = nil
    }
  }

  /// Nodes whose lease has ended and whose writers are locked by open transactions: a takeover
  /// waits for those, and ends them when they do not end by themselves.
  func blocked(besides identity: Int, now: Int64) -> [Int] {
    nodes.keys.sorted().filter {
      $0 != identity && nodes[$0, default: Node(expiry: now)].expiry < now
        && nodes[$0]?.isLocked == true
    }
  }

  /// Takes over every other node whose lease has ended, then claims at most `limit` free shards.
  mutating func claim(by identity: Int, now: Int64, limit: Int) -> [ShardGrant] {
    guard nodes[identity] != nil else { return [] }
    for dead in nodes.keys.sorted() where dead != identity {
      if let node = nodes[dead], node.expiry < now, !node.isLocked { remove(dead) }
    }
    var grants: [ShardGrant] = []
    for index in shards.indices where shards[index].owner == nil && grants.count < limit {
      shards[index].owner = identity
      shards[index].epoch += 1
      grants.append(ShardGrant(shard: ShardID(Int32(index)), epoch: shards[index].epoch))
    }
    return grants
  }

  /// After a return to an earlier state: identities are random, and so are never used again; no
  /// transaction of then is open any more.
  mutating func continued(after later: ShardLeases) {
    lastIdentity = max(lastIdentity, later.lastIdentity)
    for identity in nodes.keys { unlock(identity) }
  }

  private mutating func unlock(_ identity: Int) {
    for slot in nodes[identity]?.writers.keys.sorted() ?? [] {
      nodes[identity]?.writers[slot]?.holder = nil
    }
  }
}

/// The rows of `writer`: the fence.
extension ShardLeases {
  /// Whether a batch that was sent under this epoch may be written.
  func passesFence(_ identity: Int, slot: Int, epoch: Int64) -> Bool {
    guard let node = nodes[identity] else { return false }
    return node.writers[slot, default: Writer()].epoch == epoch
  }

  /// The open transaction that has locked the writer's row.
  func holder(_ identity: Int, slot: Int) -> Int? { nodes[identity]?.writers[slot]?.holder }

  mutating func lock(_ identity: Int, slot: Int, by transaction: Int) {
    nodes[identity]?.writers[slot, default: Writer()].holder = transaction
  }

  mutating func unlock(_ identity: Int, slot: Int, by transaction: Int) {
    if holder(identity, slot: slot) == transaction { nodes[identity]?.writers[slot]?.holder = nil }
  }

  /// A new connection of the writer: an older one's batch is fenced from now on.
  mutating func raise(_ identity: Int, slot: Int) -> Int64? {
    guard nodes[identity] != nil else { return nil }
    nodes[identity]?.writers[slot, default: Writer()].epoch += 1
    return nodes[identity]?.writers[slot]?.epoch
  }
}
