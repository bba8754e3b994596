import MachineModel

/// All messages from one machine to another: they are delivered one after the other.
struct MessagePair: Hashable {
  let shard: ShardID
  /// The sender's incarnation.
  let sender: MachineKey
  let target: MachineID
}

/// Whose message is delivered next, of those that may be now: namespaces of targets in turn, and in
/// each who came first. One has no more deliveries under way than it leaves free, so that one whose
/// targets do not answer holds up no other.
struct DeliveryTurns {
  private struct Namespace {
    var ready = RemovalQueue<MessagePair>()
    var inFlight = 0
  }

  private let maximum: Int
  /// So many bytes take a place more.
  private let placeBytes: Int
  /// The places of each that is under way.
  private var weights: [MessagePair: Int] = [:]
  private var namespaces: [ExactText: Namespace] = [:]
  /// Each that has something ready stands here, or among those that wait for a place.
  private var turns = RemovalQueue<ExactText>()
  /// Those that have as many under way as they may, by how many these are: who has the fewest is
  /// the first that may go on.
  private var waiting = RankedHeap<ExactText, Int, Void>()
  /// Places that are taken; the last that came may take more than there are.
  private(set) var inFlight = 0
  private(set) var readyCount = 0

  /// - Parameter bytes: What all that is under way may carry, about.
  init(maximum: Int, bytes: Int) {
    self.maximum = max(2, maximum)
    placeBytes = max(1, bytes / self.maximum)
  }

  /// Deliveries under way.
  var underWay: Int { weights.count }

  private var free: Int { maximum - inFlight }

  /// Somebody may go on.
  var hasTurns: Bool { free > 0 && (!turns.isEmpty || hasRoomForWaiting) }

  private var hasRoomForWaiting: Bool { waiting.first.map { $0 < free } ?? false }

  func contains(_ pair: MessagePair) -> Bool {
    namespaces[ExactText(pair.target.namespace)]?.ready.contains(pair) ?? false
  }

  private func hasTurn(_ name: ExactText) -> Bool {
    turns.contains(name) || waiting.rank(of: name) != nil
  }

  mutating func append(_ pair: MessagePair) {
    let name = ExactText(pair.target.namespace)
    if contains(pair) { return }
    namespaces[name, default: Namespace()].ready.append(pair)
    readyCount += 1
    if waiting.rank(of: name) == nil { turns.append(name) }
    assert(hasTurn(name), "what is ready has a turn, or waits for a place")
  }

  mutating func remove(_ pair: MessagePair) {
    let name = ExactText(pair.target.namespace)
    guard namespaces[name]?.ready.remove(pair) == true else { return }
    readyCount -= 1
    assert(readyCount >= 0, "more left than were ready")
  }

  /// The next; from now on it is under way until `ended`.
  mutating func next() -> MessagePair? {
    while free > 0, let name = nextNamespace() {
      Visits.note(1)
      guard var namespace = namespaces[name], let pair = namespace.ready.first else {
        forget(name)
        continue
      }
      guard namespace.inFlight < free else {
        waiting.set(name, at: namespace.inFlight, ())
        continue
      }
      namespace.ready.remove(pair)
      readyCount -= 1
      namespaces[name] = namespace
      assert(weights[pair] == nil, "a line has one delivery under way")
      weights[pair] = 0
      take(1, pair)
      if !namespace.ready.isEmpty { turns.append(name) }
      return pair
    }
    return nil
  }

  /// Those that waited for a place have waited longest.
  private mutating func nextNamespace() -> ExactText? {
    if hasRoomForWaiting { return waiting.popFirst(at: free - 1)?.key }
    return turns.popFirst()
  }

  /// What is under way carries so many bytes.
  mutating func weigh(_ pair: MessagePair, _ bytes: Int) {
    guard let known = weights[pair] else {
      return assertionFailure("what is weighed is under way")
    }
    take(1 + bytes / placeBytes - known, pair)
  }

  private mutating func take(_ places: Int, _ pair: MessagePair) {
    weights[pair, default: 0] += places
    namespaces[ExactText(pair.target.namespace)]?.inFlight += places
    inFlight += places
    assert(inFlight >= 0, "more places were given back than taken")
  }

  /// A delivery to this namespace is over: there is a place.
  mutating func ended(_ pair: MessagePair) {
    let name = ExactText(pair.target.namespace)
    take(-(weights[pair] ?? 0), pair)
    let known = weights.removeValue(forKey: pair)
    assert(known != nil && namespaces[name]?.inFlight ?? -1 >= 0, "more ended than began")
    if waiting.rank(of: name) != nil, let namespace = namespaces[name] {
      waiting.set(name, at: namespace.inFlight, ())
    }
    forget(name)
  }

  private mutating func forget(_ name: ExactText) {
    if let namespace = namespaces[name], namespace.ready.isEmpty, namespace.inFlight == 0 {
      namespaces[name] = nil
    }
  }

  /// What contradicts itself; nil = nothing. Looks at everything.
  var inconsistency: String? {
    let ready = namespaces.values.reduce(0) { $0 + $1.ready.count }
    if ready != readyCount { return "\(readyCount) messages are ready, not \(ready)" }
    let flying = namespaces.values.reduce(0) { $0 + $1.inFlight }
    if flying != inFlight || weights.values.reduce(0, +) != inFlight {
      return "\(inFlight) places of messages are taken, not \(flying)"
    }
    let isLost = namespaces.contains {
      !$0.value.ready.isEmpty && !hasTurn($0.key)
    }
    return isLost ? "messages are ready, and their namespace has no turn" : nil
  }
}
