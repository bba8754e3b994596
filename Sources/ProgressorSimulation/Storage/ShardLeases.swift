import MachineModel
import ProgressorEngine

/// The tables `node`, `writer` and `shard`: who may write what, by the database's clock.
///
/// A node's writers live and die with its row, so one set stands for both.
struct ShardLeases {
  private struct Shard {
    var owner: Int?
    var epoch: Int64 = 0
  }

  private var shards: [Shard]
  /// When each registered node's lease ends.
  private var expiries: [Int: Int64] = [:]
  private var lastIdentity = 0

  init(shards: Int32) {
    self.shards = Array(repeating: Shard(), count: Int(shards))
  }

  func owner(of shard: ShardID) -> Int? { shards[Int(shard.number)].owner }

  func epoch(of shard: ShardID) -> Int64 { shards[Int(shard.number)].epoch }

  /// The fence: whether the node's writers are still there.
  func isRegistered(_ identity: Int) -> Bool { expiries[identity] != nil }

  func expiry(of identity: Int) -> Int64? { expiries[identity] }

  /// A new node, under an identity that was never used.
  mutating func register(until expiry: Int64) -> Int {
    lastIdentity += 1
    expiries[lastIdentity] = expiry
    return lastIdentity
  }

  /// False when the node was taken over meanwhile.
  mutating func renew(_ identity: Int, until expiry: Int64) -> Bool {
    guard expiries[identity] != nil else { return false }
    expiries[identity] = expiry
    return true
  }

  /// The node's writers and its row are gone, its shards are free: a takeover's first half, or an
  /// orderly end.
  mutating func remove(_ identity: Int) {
    expiries[identity] = nil
    for index in shards.indices where shards[index].owner == identity { shards[index].owner = nil }
  }

  mutating func release(_ released: [ShardID], by identity: Int) {
    for shard in released where owner(of: shard) == identity {
      shards[Int(shard.number)].owner = nil
    }
  }

  /// Takes over every other node whose lease has ended, then claims at most `limit` free shards.
  mutating func claim(by identity: Int, now: Int64, limit: Int) -> [ShardGrant] {
    guard expiries[identity] != nil else { return [] }
    for dead in expiries.keys.sorted() where dead != identity && expiries[dead, default: 0] < now {
      remove(dead)
    }
    var grants: [ShardGrant] = []
    for index in shards.indices where shards[index].owner == nil && grants.count < limit {
      shards[index].owner = identity
      shards[index].epoch += 1
      grants.append(ShardGrant(shard: ShardID(Int32(index)), epoch: shards[index].epoch))
    }
    return grants
  }
}
