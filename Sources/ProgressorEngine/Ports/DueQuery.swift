public import MachineModel

/// A look ahead: machines that have something to do by themselves, of several namespaces at once.
public struct DueQuery: Sendable, Hashable {
  /// Tells one look ahead from the next.
  public var number: UInt64
  /// Whose shards are looked for.
  public var part: ShardPart
  /// What to look at, one span per namespace; read in one round trip.
  public var spans: [DueSpan]

  public init(number: UInt64, part: ShardPart = .all, spans: [DueSpan]) {
    self.number = number
    self.part = part
    self.spans = spans
  }
}

/// A part of one namespace's due machines, oldest first.
public struct DueSpan: Sendable, Hashable {
  /// Whose machines are looked at.
  public var namespace: NamespaceNumber
  /// The namespace's name: machines are named by it.
  public var name: String
  /// Only machines beyond this cut.
  public var from: DueCut
  /// Only machines that are due at or before this time.
  public var until: Timestamp
  /// The most machines that are looked at, those of other nodes included.
  public var limit: Int32

  public init(
    namespace: NamespaceNumber, name: String, from: DueCut, until: Timestamp, limit: Int32
  ) {
    self.namespace = namespace
    self.name = name
    self.from = from
    self.until = until
    self.limit = limit
  }
}

/// What was found in a span.
public struct DuePage: Sendable, Hashable {
  /// Machines of owned shards, in their order.
  public var machines: [DueMachine]
  /// Up to here nothing was left out.
  public var reached: DueCut

  public init(machines: [DueMachine], reached: DueCut) {
    self.machines = machines
    self.reached = reached
  }
}

/// A machine that has something to do by itself.
public struct DueMachine: Sendable, Hashable {
  /// Its place among the namespace's due machines.
  public var position: DuePosition
  /// The machine's name.
  public var machine: MachineID

  public init(position: DuePosition, machine: MachineID) {
    self.position = position
    self.machine = machine
  }
}

/// A place in the order in which something becomes due.
public protocol DuePlace: Comparable, Hashable, Sendable {
  /// When that is.
  var due: Timestamp { get }
}

/// A place in the order of a namespace's due machines.
public struct DuePosition: DuePlace {
  /// When it has something to do.
  public var due: Timestamp
  /// Its shard; orders machines that are due at one time.
  public var shard: ShardID
  /// Its key within the shard; orders what is left equal, so that no two places are.
  public var key: MachineKey

  public init(due: Timestamp, shard: ShardID, key: MachineKey) {
    self.due = due
    self.shard = shard
    self.key = key
  }

  public static func < (a: DuePosition, b: DuePosition) -> Bool {
    if a.due != b.due { return a.due < b.due }
    if a.shard != b.shard { return a.shard < b.shard }
    return a.key.number < b.key.number
  }
}

/// A cut among machines that become due.
public typealias DueCut = Cut<DuePosition>

/// A cut in the order in which things become due: every place lies below it or beyond it. No time
/// and no place stands for the beginning: each is one that a thing may have.
public enum Cut<Place: DuePlace>: Sendable, Hashable, Comparable {
  /// Below everything.
  case start
  case before(Place)
  case after(Place)
  /// Behind everything that is due at this time.
  case end(of: Timestamp)

  /// Whether the place lies below the cut.
  public func covers(_ position: Place) -> Bool { .before(position) < self }

  /// Everything due before this time lies below the cut; nil = nothing does.
  public var time: Timestamp? {
    switch self {
    case .start: nil
    case .before(let position), .after(let position): position.due
    case .end(let time): time
    }
  }

  public static func < (a: Cut, b: Cut) -> Bool {
    switch (a, b) {
    case (_, .start): false
    case (.start, _): true
    case (.end(let a), .end(let b)): a < b
    case (.end(let end), .before(let position)), (.end(let end), .after(let position)):
      end < position.due
    case (.before(let position), .end(let end)), (.after(let position), .end(let end)):
      position.due <= end
    case (.before(let a), .after(let b)): a <= b
    case (.after(let a), .before(let b)), (.before(let a), .before(let b)),
      (.after(let a), .after(let b)):
      a < b
    }
  }
}
