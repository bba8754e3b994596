import MachineModel

/// To which of a node's engines an input goes.
public enum CoreRoute: Sendable {
  /// To the one that asked, or that has the machine.
  case one(CoreNumber)
  /// To each, as it is.
  case all
  /// To each what concerns its shards; those that are not named have no part in it.
  case parts([(core: CoreNumber, input: Input)])

  /// - Parameters:
  ///   - input: What happened. Inputs of one core's own loop, such as `timePassed`, are not routed:
  ///     here they would go to all.
  ///   - cores: How many engines the node has.
  public init(_ input: Input, cores: Int32) {
    guard cores > 1 else {
      self = .one(CoreNumber(0))
      return
    }
    switch input {
    case .request(let request): self = .one(request.id.core)
    case .cancelled(let id), .listed(let id, _), .traceRead(let id, _):
      self = .one(id.core)
    case .loaded(let id, _): self = .one(id.core)
    case .due(let query, _): self = .one(query.core)
    case .messagesDue(let query, _): self = .one(query.core)
    case .messagesLoaded(let id, _): self = .one(id.core)
    case .delivered(let id, _): self = .one(id.core)
    case .processorAnswered(let id, _, _): self = .one(id.core)
    case .committed(let id), .refused(let id, _), .commitDelayed(let id), .fenced(let id):
      self = .one(id.core)
    case .permits(let message): self = .one(message.to)
    case .shardsAcquired(let grants):
      self = .parts(
        Self.split(grants, cores) { $0.shard }.map { ($0, .shardsAcquired($1)) })
    case .shardsLost(let shards):
      // Every core hears of a loss, also one that has no part in it: who told it waits for all.
      let parts = Dictionary(uniqueKeysWithValues: Self.split(shards, cores) { $0 })
      self = .parts(
        (0..<cores).map { (CoreNumber($0), .shardsLost(parts[CoreNumber($0)] ?? [])) })
    case .leaseRenewed, .namespacesChanged, .endpointReady, .timePassed: self = .all
    }
  }

  /// By core, each part in the order of the whole.
  private static func split<Element>(
    _ elements: [Element], _ cores: Int32, shard: (Element) -> ShardID
  ) -> [(CoreNumber, [Element])] {
    Dictionary(grouping: elements) { ShardPart.core(of: shard($0), cores: cores) }
      .sorted { $0.key < $1.key }
  }
}
