public import MachineModel

/// The shards that one engine of a node has: those whose number leaves the same remainder. A node
/// with several cores has one engine for each part.
public struct ShardPart: Sendable, Hashable {
  /// This part's number, 0 and up: the core that has it.
  public let core: CoreNumber
  /// How many parts there are, 1 to ``maximumCores``.
  public let cores: Int32

  /// All shards, of a node with one core.
  public static let all = ShardPart(CoreNumber(0), of: 1)

  /// The most cores of a node: as many as there are numbers in an id's tag.
  public static let maximumCores: Int32 = 256

  /// - Parameters:
  ///   - core: Below `cores`.
  ///   - cores: 1 to ``maximumCores``.
  public init(_ core: CoreNumber, of cores: Int32) {
    precondition((1...Self.maximumCores).contains(cores) && (0..<cores).contains(core.number))
    self.core = core
    self.cores = cores
  }

  /// Whether this part has the shard.
  public func contains(_ shard: ShardID) -> Bool { shard.number % cores == core.number }

  /// The part that has the shard.
  public static func core(of shard: ShardID, cores: Int32) -> CoreNumber {
    CoreNumber(shard.number % cores)
  }

  /// A shard's number within its part, 0 and up.
  func index(of shard: ShardID) -> Int {
    assert(contains(shard), "a shard is another core's")
    return Int(shard.number / cores)
  }

  /// A writer of this part among those of the node. The writers of all parts together are one for
  /// every so many shards, as of a node with one core.
  func slot(ofWriter place: Int) -> Int { Int(core.number) + Int(cores) * place }
}

/// One of a node's engines, each on a loop of its own.
public struct CoreNumber: Sendable, Hashable, Comparable {
  /// From 0 on, below the number of the node's cores.
  public var number: Int32

  public init(_ number: Int32) { self.number = number }

  public static func < (a: CoreNumber, b: CoreNumber) -> Bool { a.number < b.number }
}
