import MachineModel

/// A core's permits of a namespace; on its home also what was lent to all.
struct NamespacePermits {
  let home: CoreNumber
  /// See ``PermitMessage/generation``.
  let generation: UInt64
  /// By kind.
  private var shares: [PermitShare]
  /// By kind; nil = the home is another core.
  private var pools: [PermitPool]?

  /// - Parameter part: Of the core.
  init(_ namespace: NamespaceNumber, _ part: ShardPart, generation: UInt64) {
    home = CoreNumber(Int32(namespace.number.magnitude % part.cores.magnitude))
    self.generation = generation
    shares = PermitKind.allCases.map { _ in PermitShare() }
    if home == part.core {
      pools = PermitKind.allCases.map { _ in PermitPool(cores: part.cores) }
    }
  }

  subscript(kind: PermitKind) -> PermitShare {
    _read { yield shares[kind.rawValue] }
    _modify { yield &shares[kind.rawValue] }
  }

  func pool(_ kind: PermitKind) -> PermitPool? { pools?[kind.rawValue] }

  /// What the core may use of them.
  var limits: Gate.Limits {
    Gate.Limits(steps: self[.step].limit, invocations: self[.invocation].limit)
  }

  /// Lets the pool of a kind decide; a core that is not the home has none, and says nothing.
  mutating func decide(
    _ kind: PermitKind, _ decision: (inout PermitPool) -> [PermitPool.Order]
  ) -> [PermitPool.Order] {
    guard var pool = pool(kind) else { return [] }
    let orders = decision(&pool)
    pools?[kind.rawValue] = pool
    return orders
  }
}
