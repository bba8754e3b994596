public import MachineModel

/// What waits in an engine, and what of it something holds back: for who compares it with the
/// clock.
public struct EngineWaiting: Sendable, Hashable {
  /// What waits in a namespace.
  public struct OfNamespace: Sendable, Hashable {
    /// The namespace's name.
    public var name: String
    /// Where its processor is.
    public var endpoint: String
    /// It is paused, or its endpoint was found down: nothing is to run.
    public var isHeld = false
    /// Since when the oldest request waits whose step has not begun, on `Moment.uptime`; nil = none
    /// does for as long as was asked for.
    public var oldestRequest: Int64?

    public init(name: String, endpoint: String = "") {
      self.name = name
      self.endpoint = endpoint
    }
  }

  /// By number.
  public var namespaces: [NamespaceNumber: OfNamespace] = [:]
  /// Of the machines that were asked about, those that do something by themselves just now.
  public var inHand: Set<MachineID> = []

  public init() {}

  /// Takes what waits in another engine of the node in.
  public mutating func add(_ other: EngineWaiting) {
    namespaces.merge(other.namespaces) { one, another in
      var sum = one
      sum.isHeld = one.isHeld || another.isHeld
      sum.oldestRequest = [one.oldestRequest, another.oldestRequest].compactMap { $0 }.min()
      return sum
    }
    inHand.formUnion(other.inHand)
  }
}

extension Engine {
  /// What waits. It costs as much as there are namespaces and machines asked about, and a bounded
  /// number of requests.
  ///
  /// - Parameters:
  ///   - machines: Of which it is said whether they are in hand.
  ///   - patience: Requests that came less than so many microseconds ago are not looked at.
  public func waiting(
    at moment: Moment, machines: [MachineID], patience: Int64
  ) -> EngineWaiting {
    var waiting = EngineWaiting()
    for namespace in namespaces.all {
      var one = EngineWaiting.OfNamespace(
        name: namespace.settings.name, endpoint: namespace.settings.processor.endpoint)
      one.isHeld = namespace.parks || schedule.isResting(namespace, at: moment.uptime)
      waiting.namespaces[namespace.number] = one
    }
    requests.forEach(before: moment.uptime.saturatingAdd(-patience)) { pending, since in
      let number = pending.namespace.number
      guard pending.waitsForTurn, waiting.namespaces[number]?.oldestRequest == nil,
        // What came before it was not waiting.
        pending.wentOnAt.map({ $0 < moment.uptime.saturatingAdd(-patience) }) ?? true
      else { return }
      waiting.namespaces[number]?.oldestRequest = since
    }
    for machine in machines where residency[machine]?.isInHand == true {
      waiting.inHand.insert(machine)
    }
    return waiting
  }
}

extension PendingRequest {
  /// It waits on its machine, and nothing of it has begun. What a paused machine keeps, and what is
  /// no step, does not.
  fileprivate var waitsForTurn: Bool {
    guard work.step != nil, let machine, machine.row?.pause == nil else { return false }
    guard let step = machine.running, step.requestID == request.id else { return true }
    return step.station != nil
  }
}

extension ResidentMachine {
  /// A timeout or a delivery of it has begun, and is past its namespace's gate.
  fileprivate var isInHand: Bool {
    guard let step = running, step.station == nil else { return false }
    if case .request = step.item { return false }
    return true
  }
}
