import MachineModel

/// In which order the entries of a delivery go out, and what became of them. A value, without
/// records or connections.
///
/// Of each machine one entry is under way at a time, and the next one begins when it has arrived,
/// or is parked: whatever fails between, no entry arrives before an earlier one of its machine.
/// Those of different machines go out together.
///
/// What the broker refuses as too large it may refuse for the batch that it was in. So it goes out
/// again alone, with nothing else under way, and only what is refused then is parked.
struct KafkaPlan {
  /// What became of an entry that went out.
  enum Result {
    case arrived
    /// It can never arrive.
    case unfit(String)
    /// It cannot arrive together with others that were under way.
    case refused(String)
    /// It may have arrived or not, or may later.
    case failed(String)
  }

  /// How much may be under way at once; one entry may in any case.
  struct Window {
    var entries: Int
    var bytes: Int
  }

  private(set) var outcomes: [SinkOutcome]
  /// How many are under way.
  private(set) var underWay = 0
  /// Whether something was refused that was not alone.
  private(set) var hasSuspects = false
  /// Why an entry failed first; nil = none has.
  private var failure: String?
  /// Why nothing may begin any more; nil = it may.
  private var stop: String?
  private let window: Window
  private var bytesUnderWay = 0
  private let bytes: [Int]
  /// The next entry of the same machine.
  private var next: [Int?]
  /// What may begin, in order; what is before `firstReady` has.
  private var ready: [Int] = []
  private var firstReady = 0
  /// What is to go out alone; what is before `firstSuspect` has.
  private var suspects: [Int] = []
  private var firstSuspect = 0
  private var isAlone = false
  private let isWary: Bool

  /// - Parameter isWary: each entry goes out alone from the beginning.
  init(_ entries: [FeedEntry], window: Window, isWary: Bool = false) {
    self.window = window
    self.isWary = isWary
    outcomes = Array(repeating: .pending, count: entries.count)
    bytes = entries.map(\.note.bytes)
    next = Array(repeating: nil, count: entries.count)
    var last: [MachineID: Int] = [:]
    for (index, entry) in entries.enumerated() {
      if let before = last.updateValue(index, forKey: entry.machine) {
        next[before] = index
      } else {
        ready.append(index)
      }
    }
  }

  /// Whether nothing is under way, and nothing may begin.
  var isOver: Bool { underWay == 0 && !hasMore }

  /// Whether something may begin, now or later.
  var hasMore: Bool { firstReady < ready.count || firstSuspect < suspects.count }

  /// The entry that begins now; nil = none before something under way has ended.
  mutating func begin() -> Int? {
    if isAlone { return nil }
    if firstReady < ready.count {
      let index = ready[firstReady]
      guard
        underWay == 0
          || (underWay < window.entries && bytesUnderWay + bytes[index] <= window.bytes)
      else { return nil }
      firstReady += 1
      isAlone = isWary
      return started(index)
    }
    guard underWay == 0, firstSuspect < suspects.count else { return nil }
    firstSuspect += 1
    isAlone = true
    return started(suspects[firstSuspect - 1])
  }

  private mutating func started(_ index: Int) -> Int {
    underWay += 1
    bytesUnderWay += bytes[index]
    return index
  }

  /// Says what became of an entry that has begun.
  mutating func end(_ index: Int, _ result: Result) {
    let wasAlone = isAlone
    underWay -= 1
    bytesUnderWay -= bytes[index]
    isAlone = false
    switch result {
    case .arrived: settle(index, .delivered)
    case .unfit(let reason): settle(index, .parked(reason))
    case .refused(let reason) where wasAlone: settle(index, .parked(reason))
    case .refused(let reason) where stop != nil: fail(reason)
    case .refused:
      hasSuspects = true
      suspects.append(index)
    case .failed(let reason): fail(reason)
    }
  }

  private mutating func settle(_ index: Int, _ outcome: SinkOutcome) {
    outcomes[index] = outcome
    if let next = next[index], stop == nil { ready.append(next) }
  }

  private mutating func fail(_ reason: String) {
    if failure == nil { failure = reason }
  }

  /// Lets nothing begin any more. Where entries fail for reasons of their own, these are named.
  mutating func stop(_ reason: String) {
    if stop == nil { stop = reason }
    firstReady = ready.count
    firstSuspect = suspects.count
  }

  /// Gives up, for a reason that is that of every failure so far.
  mutating func giveUp(_ reason: String) {
    stop(reason)
    failure = reason
  }

  /// What became of the entries; those that are under way are pending.
  var receipt: SinkReceipt {
    if !outcomes.contains(.pending) { return SinkReceipt(outcomes: outcomes) }
    return SinkReceipt(
      outcomes: outcomes, failure: SinkFailure(failure ?? stop ?? "nobody waited"))
  }
}
