import MachineModel
import ProgressorEngine

/// The feed of a shard, as a subscriber makes machines of it who never misses anything (I9).
struct SimulatedFeed {
  /// What a subscriber knows of a machine.
  struct Known: Hashable {
    var lastEventID: Int64 = 0
    var isFailed = false
  }

  /// Of namespaces that have one; it never changes.
  let options: [ExactText: FeedOptions]
  /// By shard, as many as there were.
  private(set) var sequences: [ShardID: Int64] = [:]
  private(set) var known: [MachineID: Known] = [:]

  init(_ namespaces: [NamespaceRecord]) {
    options = Dictionary(
      uniqueKeysWithValues: namespaces.map { ($0.namespace.feed, ExactText($0.namespace.name)) }
        .filter(\.0.isEnabled).map { ($1, $0) })
  }

  /// The next entry of the shard.
  mutating func append(_ note: FeedNote, _ record: CommitRecord) throws(Violation) {
    let machine = record.machine
    guard let options = options[ExactText(machine.namespace)] else {
      throw Violation(.feedInOrder, "\(machine): its namespace has no feed, and it is told of")
    }
    sequences[record.shard, default: 0] += 1
    guard var state = known[machine] else {
      try require(
        note.change == .created, .feedInOrder, "\(machine): begins in the feed with \(note.change)")
      known[machine] = Known()
      return
    }
    switch note.change {
    case .created: throw Violation(.feedInOrder, "\(machine): is told to be created twice")
    case .event(let event):
      try require(
        event.id == state.lastEventID + 1, .feedInOrder,
        "\(machine): event \(event.id) is told of after \(state.lastEventID)")
      try require(
        options.hasBodies || event.body.data.isEmpty, .feedInOrder,
        "\(machine): event \(event.id) is told of with its data")
      state.lastEventID = event.id
    case .statusChanged(let failure):
      try require(
        state.isFailed || failure != nil, .feedInOrder, "\(machine): is told to work, and does")
      state.isFailed = failure != nil
    case .removed:
      known[machine] = nil
      return
    }
    known[machine] = state
  }

  /// Whoever follows knows what is so.
  func agrees(with stored: StoredMachine?, named machine: MachineID) throws(Violation) {
    guard options[ExactText(machine.namespace)] != nil else { return }
    let expected = stored.map {
      Known(lastEventID: $0.row.lastEventID, isFailed: $0.row.failure != nil)
    }
    try require(
      known[machine] == expected, .feedInOrder,
      "\(machine): is \(expected.map { "\($0)" } ?? "gone"), the feed has "
        + "\(known[machine].map { "\($0)" } ?? "nothing")")
  }
}

extension SimulatedFeed {
  /// What the feed has of a record, with its events as they are: the same, one by one.
  static func tells(_ record: CommitRecord, _ options: FeedOptions) throws(Violation) {
    guard !record.removesMachine, options.hasBodies else { return }
    let told = record.feed.compactMap { note -> Event? in
      if case .event(let event) = note.change { event } else { nil }
    }
    try require(
      told == record.events, .feedInOrder, "\(record.machine): the feed has other events")
  }
}
