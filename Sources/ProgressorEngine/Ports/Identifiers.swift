public import MachineModel

/// One request of a client, as the shell numbers them.
public struct RequestID: Sendable, Hashable {
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One step while it runs; never reused within an engine's life, so that a late answer to an
/// abandoned invocation ends nothing (I1).
public struct StepID: Sendable, Hashable {
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One load of rows.
public struct LoadID: Sendable, Hashable {
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// One batch handed to storage.
public struct BatchID: Sendable, Hashable {
  public var number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// The number by which the database knows a namespace.
public struct NamespaceNumber: Sendable, Hashable {
  public var number: Int32
  public init(_ number: Int32) { self.number = number }
}

/// A machine's 64-bit key within its shard, assigned by the shard's owner: 31 bits of the epoch of
/// the assignment above 32 bits of a counter. It is never reused, and so is the machine's
/// incarnation too (I12).
public struct MachineKey: Sendable, Hashable {
  public var number: Int64
  public init(_ number: Int64) { self.number = number }
}

/// A shard that this node owns, with the epoch under which it does.
public struct ShardGrant: Sendable, Hashable {
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
  public var number: NamespaceNumber
  public var namespace: Namespace

  public init(number: NamespaceNumber, namespace: Namespace) {
    self.number = number
    self.namespace = namespace
  }
}
