public import MachineModel

/// One request of a client, as the shell numbers them.
public struct RequestID: Sendable, Hashable {
  /// Chosen by the shell; never used again within an engine's life.
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One step while it runs; never reused within an engine's life, so that a late answer to an
/// abandoned invocation ends nothing (I1).
public struct StepID: Sendable, Hashable {
  /// Counted by the engine.
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One load of rows.
public struct LoadID: Sendable, Hashable {
  /// Counted by the engine; never used again within its life.
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One attempt to deliver a message.
public struct DeliveryID: Sendable, Hashable {
  /// Counted by the engine; never used again within its life.
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One batch handed to storage.
public struct BatchID: Sendable, Hashable {
  /// Counted by the engine; never used again within its life.
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// The number by which the database knows a namespace.
public struct NamespaceNumber: Sendable, Hashable {
  /// Given by the database when the namespace was created; never given again.
  public var number: Int32
  public init(_ number: Int32) { self.number = number }
}

/// A machine's 64-bit key within its shard, assigned by the shard's owner: 31 bits of the epoch of
/// the assignment above 32 bits of a counter. It is never reused, and so is the machine's
/// incarnation too (I12).
public struct MachineKey: Sendable, Hashable {
  /// Above 0; greater than that of every machine which the shard had before.
  public var number: Int64
  public init(_ number: Int64) { self.number = number }
}

/// A shard that this node owns, with the epoch under which it does.
public struct ShardGrant: Sendable, Hashable {
  /// The shard.
  public var shard: ShardID
  /// Grows with each transfer of the shard: the fencing token `progressor-epoch`.
  public var epoch: Int64

  public init(shard: ShardID, epoch: Int64) {
    self.shard = shard
    self.epoch = epoch
  }
}

/// A namespace with its number in the database.
public struct NamespaceRecord: Sendable, Hashable {
  /// Its number there.
  public var number: NamespaceNumber
  /// What the database holds of it.
  public var namespace: Namespace

  public init(number: NamespaceNumber, namespace: Namespace) {
    self.number = number
    self.namespace = namespace
  }
}
