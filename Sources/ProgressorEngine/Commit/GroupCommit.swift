import DequeModule

/// One writer connection's queue of records. While a batch is in flight the next one fills; an idle
/// writer takes a lone record at once. There is no timer.
struct GroupCommit {
  /// Whose record it is.
  enum Origin {
    case step(ResidentMachine, StepID)
    case notification(ResidentMachine, QueuedNotification, RequestID)
  }

  struct Pending {
    let record: CommitRecord
    let origin: Origin

    var machine: ResidentMachine {
      switch origin {
      case .step(let machine, _), .notification(let machine, _, _): machine
      }
    }

    var isStep: Bool {
      if case .step = origin { true } else { false }
    }
  }

  private var pending: Deque<Pending> = []
  /// Halves of a refused batch, to be tried before anything else.
  private var halves: [[Pending]] = []
  private(set) var inFlight: (id: BatchID, entries: [Pending])?
  /// When the batch in flight was handed to storage, on `Moment.uptime`.
  private(set) var sentAt: Int64 = 0
  /// The database does not take the batch in flight.
  var isDelayed = false

  /// Records that wait, or are on their way.
  var count: Int {
    pending.count + (inFlight?.entries.count ?? 0) + halves.reduce(0) { $0 + $1.count }
  }

  mutating func add(_ record: CommitRecord, from origin: Origin) {
    pending.append(Pending(record: record, origin: origin))
  }

  /// The next batch, when none is in flight and there is something to write.
  mutating func nextBatch(slot: Int, at uptime: Int64, id: () -> BatchID) -> CommitBatch? {
    guard inFlight == nil else { return nil }
    var entries: [Pending] = []
    if let half = halves.popLast() {
      entries = half
    } else {
      var bytes = 0
      while let next = pending.first, entries.count < CommitBatch.maximumRecords {
        bytes += next.record.bytes
        if bytes > CommitBatch.maximumBytes, !entries.isEmpty { break }
        entries.append(next)
        pending.removeFirst()
      }
    }
    if entries.isEmpty { return nil }
    let batch = CommitBatch(id: id(), slot: slot, records: entries.map(\.record))
    inFlight = (batch.id, entries)
    sentAt = uptime
    return batch
  }

  /// The batch in flight ended; nil when it is not this one.
  mutating func ended(_ id: BatchID) -> [Pending]? {
    guard let batch = inFlight, batch.id == id else { return nil }
    inFlight = nil
    isDelayed = false
    return batch.entries
  }

  /// A step in a refused batch is at fault: halve, until the bad one stands alone. Order is kept.
  mutating func split(_ entries: [Pending]) {
    let middle = entries.count / 2
    for half in [entries[middle...], entries[..<middle]] where !half.isEmpty {
      halves.append(Array(half))
    }
  }

  /// Takes out what waits and fulfils the condition.
  mutating func remove(where condition: (Pending) -> Bool) -> [Pending] {
    var removed = Array(pending.filter(condition))
    pending.removeAll(where: condition)
    for index in halves.indices {
      removed += halves[index].filter(condition)
      halves[index].removeAll(where: condition)
    }
    halves.removeAll(where: \.isEmpty)
    return removed
  }

  /// Everything that waits or is on its way.
  var all: [Pending] {
    var all = inFlight?.entries ?? []
    for half in halves.reversed() { all += half }
    all += pending
    return all
  }

  /// Whether a notification that this request asked for waits or is on its way.
  func holdsNotification(_ request: RequestID) -> Bool {
    all.contains {
      if case .notification(_, _, request) = $0.origin { true } else { false }
    }
  }
}
