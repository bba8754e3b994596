/// The nodes that work on one database, and that database.
public struct ClusterState: Sendable, Hashable {
  /// By name.
  public var nodes: [ClusterNode]
  /// How many shards there are.
  public var shards: Int32
  /// How many of them no living node owns.
  public var unownedShards: Int32
  /// The database of all nodes.
  public var database: ClusterDatabase

  public init(
    nodes: [ClusterNode], shards: Int32, unownedShards: Int32, database: ClusterDatabase
  ) {
    self.nodes = nodes
    self.shards = shards
    self.unownedShards = unownedShards
    self.database = database
  }
}

/// A process that has a lease, or had one that nobody took over yet.
public struct ClusterNode: Sendable, Hashable {
  /// New with each lease.
  public var id: String
  /// What people call it.
  public var name: String
  /// Where it listens; empty = it did not say.
  public var address: String
  /// Of its program; empty = it did not say.
  public var version: String
  /// When its process was started.
  public var startedAt: Timestamp
  /// Until when its lease lasts, by the database's clock.
  public var leaseUntil: Timestamp
  /// How many shards it owns.
  public var shards: Int32
  /// It is the one that was asked.
  public var isSelf: Bool

  public init(
    id: String, name: String, address: String = "", version: String = "", startedAt: Timestamp,
    leaseUntil: Timestamp, shards: Int32 = 0, isSelf: Bool = false
  ) {
    self.id = id
    self.name = name
    self.address = address
    self.version = version
    self.startedAt = startedAt
    self.leaseUntil = leaseUntil
    self.shards = shards
    self.isSelf = isSelf
  }
}

/// How the database of a cluster fares.
public struct ClusterDatabase: Sendable, Hashable {
  /// As it says itself.
  public var version: String
  /// Bytes on disk, as of some seconds ago; 0 = that could not be found out in time.
  public var sizeBytes: Int64
  /// Seconds that the oldest transaction of others is open, as far as the server may see them; 0 =
  /// none is.
  public var oldestTransaction: Double

  public init(version: String, sizeBytes: Int64 = 0, oldestTransaction: Double = 0) {
    self.version = version
    self.sizeBytes = sizeBytes
    self.oldestTransaction = oldestTransaction
  }
}
