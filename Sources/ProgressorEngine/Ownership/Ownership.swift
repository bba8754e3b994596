import MachineModel

/// Which shards are this node's, and how long it may trust that.
struct Ownership {
  private let shardCount: Int32
  private var shards: [ShardID: OwnedShard] = [:]
  private var lease = LeaseTrust()

  init(shardCount: Int32) { self.shardCount = shardCount }

  var count: Int { shards.count }
  var isEmpty: Bool { shards.isEmpty }
  /// Machines in memory. Looks at all shards.
  var machineCount: Int { shards.values.reduce(0) { $0 + $1.machines.count } }

  /// Nil when the machine is another node's.
  func shard(of machine: MachineID) -> OwnedShard? { shards[number(of: machine)] }

  func number(of machine: MachineID) -> ShardID { ShardID(of: machine, shards: shardCount) }

  func holds(_ shard: ShardID) -> Bool { shards[shard] != nil }

  /// The assignment under which the machine was read is the present one.
  func holds(_ shard: OwnedShard) -> Bool { shards[shard.id] === shard }

  func isTrusted(at uptime: Int64) -> Bool { lease.isTrusted(at: uptime) }

  /// Something may be begun that no client asks for, or that is about all machines.
  func mayAct(at uptime: Int64) -> Bool { !shards.isEmpty && lease.isTrusted(at: uptime) }

  /// Microseconds that the lease is still trusted.
  func remaining(at uptime: Int64) -> Int64 { lease.remaining(at: uptime) }

  /// When the lease will not be trusted any more; nil = it has come.
  func trustEnd(after uptime: Int64) -> Int64? { lease.end(after: uptime) }

  mutating func renewed(until uptime: Int64) { lease.renewed(until: uptime) }

  /// Nothing is trusted until a renewal says otherwise.
  mutating func lost() { lease.lost() }

  /// The assignment is not older than the one that is known.
  func isNew(_ grant: ShardGrant) -> Bool {
    shards[grant.shard].map { $0.epoch < grant.epoch } ?? true
  }

  /// Takes a shard that was not owned until now.
  ///
  /// - Parameter counter: The last number that was given out under this epoch.
  mutating func acquire(_ grant: ShardGrant, counter: UInt32 = 0) {
    assert(shards[grant.shard] == nil, "what was in memory of the shard is another owner's")
    shards[grant.shard] = OwnedShard(grant.shard, epoch: grant.epoch, counter: counter)
  }

  /// Lets go of shards; answers what was in memory of them, in an order that is the same in every
  /// run: what is let through the gates depends on it.
  mutating func lose(_ lost: Set<ShardID>) -> [ResidentMachine] {
    var machines: [ResidentMachine] = []
    for id in lost {
      if let shard = shards.removeValue(forKey: id) { machines += shard.machines }
    }
    if shards.isEmpty { lease.lost() }
    assert(lost.allSatisfy { shards[$0] == nil }, "nothing is left of what was lost")
    return machines.sorted { $0.id < $1.id }
  }
}
