import DequeModule
import MachineModel

/// Requests that wait for a machine to change. They have no place among the requests that are
/// worked on, and keep no machine in memory: whatever changes it, its owner hears of in a commit.
///
/// A change costs as much as the waits that it ends.
struct WaitTable {
  struct Wait {
    let request: Request
    let look: Look
    fileprivate let shard: ShardID
    fileprivate(set) var end = End.met
  }

  /// Why a wait is over.
  enum End {
    /// What it waited for has come, or its time.
    case met
    /// There is no such machine any more.
    case gone
    /// What memory knew of the machine was wrong: it is asked once more.
    case again
  }

  /// Who waits for one machine.
  private struct Waiters {
    /// By the event that they know.
    var forEvents = RankedHeap<RequestID, Int64, Void>()
    var forEnd: Set<RequestID> = []
    var forChange: Set<RequestID> = []

    var isEmpty: Bool { forEvents.count == 0 && forEnd.isEmpty && forChange.isEmpty }
    var all: [RequestID] { forEvents.keys + forEnd + forChange }

    mutating func insert(_ id: RequestID, _ until: Look.Until) {
      assert(forEvents.rank(of: id) == nil, "who waits waits for one thing")
      switch until {
      case .event(let after): forEvents.set(id, at: after, ())
      case .notWorking: forEnd.insert(id)
      case .change: forChange.insert(id)
      }
    }

    mutating func remove(_ id: RequestID, _ until: Look.Until) {
      switch until {
      case .event: forEvents.remove(id)
      case .notWorking: forEnd.remove(id)
      case .change: forChange.remove(id)
      }
    }
  }

  private var waits: [RequestID: Wait] = [:]
  private var machines: [ShardID: [MachineID: Waiters]] = [:]
  private var ends = RankedHeap<RequestID, Int64, Void>()
  private var woken: Deque<Wait> = []

  var count: Int { waits.count }

  /// - Parameter end: Until when, on `Moment.uptime`.
  mutating func insert(_ request: Request, _ look: Look, in shard: ShardID, until end: Int64) {
    guard let until = look.until else { return assertionFailure("who waits, waits for something") }
    assert(waits[request.id] == nil, "a request waits once")
    waits[request.id] = Wait(request: request, look: look, shard: shard)
    machines[shard, default: [:]][request.machine, default: Waiters()].insert(request.id, until)
    ends.set(request.id, at: end, ())
    assert(ends.count == waits.count, "each wait has its end")
  }

  /// nil = it does not wait here.
  mutating func remove(_ id: RequestID) -> Wait? {
    guard let wait = waits.removeValue(forKey: id), let until = wait.look.until else { return nil }
    ends.remove(id)
    let machine = wait.request.machine
    machines[wait.shard]?[machine]?.remove(id, until)
    if machines[wait.shard]?[machine]?.isEmpty == true { machines[wait.shard]?[machine] = nil }
    if machines[wait.shard]?.isEmpty == true { machines[wait.shard] = nil }
    assert(ends.count == waits.count, "each wait has its end")
    return wait
  }
}

/// What is waited for comes.
extension WaitTable {
  /// The machine is this now.
  mutating func changed(_ machine: ResidentMachine, _ row: MachineRow) {
    if waits.isEmpty { return }
    // Taken out one by one: who holds all of them would have the rest copied.
    wake(waiters(of: machine, \.forChange))
    if row.failure != nil || row.pause != nil { wake(waiters(of: machine, \.forEnd)) }
    while let id = machines[machine.shard.id]?[machine.id]?.forEvents.popFirst(
      at: row.lastEventID - 1)?.key
    {
      wake([id])
    }
    assert(waiters(of: machine, \.forChange).isEmpty, "nobody waits for what has changed")
  }

  /// It failed, and cannot be read.
  mutating func condemned(_ machine: ResidentMachine) {
    wake(waiters(of: machine, \.forChange))
    wake(waiters(of: machine, \.forEnd))
    assert(waiters(of: machine, \.forEnd).isEmpty, "nobody waits for a failure that has come")
  }

  private func waiters(
    of machine: ResidentMachine, _ part: KeyPath<Waiters, Set<RequestID>>
  ) -> Set<RequestID> {
    machines[machine.shard.id]?[machine.id]?[keyPath: part] ?? []
  }

  /// There is no such machine any more.
  mutating func removed(_ machine: ResidentMachine) {
    wakeAll(of: machine, .gone)
  }

  /// Its memory is let go of, and may have been wrong.
  mutating func forgotten(_ machine: ResidentMachine) {
    wakeAll(of: machine, .again)
  }

  private mutating func wakeAll(of machine: ResidentMachine, _ end: End) {
    if waits.isEmpty { return }
    let all = machines[machine.shard.id]?[machine.id]?.all ?? []
    wake(all, end)
    assert(machines[machine.shard.id]?[machine.id] == nil, "nobody is left who is woken")
  }

  /// Its end has come.
  mutating func wakeEnded(at uptime: Int64) {
    while let (id, _) = ends.popFirst(at: uptime) { wake([id]) }
    assert(ends.first.map { $0 > uptime } ?? true, "nobody waits beyond his patience")
  }

  /// In the order in which they came.
  private mutating func wake(_ ids: some Collection<RequestID>, _ end: End = .met) {
    Visits.note(ids.count)
    for id in ids.sorted(by: { $0.number < $1.number }) {
      guard var wait = remove(id) else {
        assertionFailure("who is woken waits")
        continue
      }
      wait.end = end
      woken.append(wait)
    }
  }

  /// The next that is to be answered now.
  mutating func nextWoken() -> Wait? { woken.popFirst() }

  /// Lets go of those in shards that are another node's. Their numbers, in order.
  mutating func lose(_ lost: Set<ShardID>) -> [RequestID] {
    if waits.isEmpty { return [] }
    let ids = lost.flatMap { machines[$0]?.values.flatMap(\.all) ?? [] }
    for id in ids { _ = remove(id) }
    assert(lost.allSatisfy { machines[$0] == nil }, "nobody waits for what was lost")
    return ids.sorted { $0.number < $1.number }
  }

  /// Lets go of all. Their numbers, in order.
  mutating func takeAll() -> [RequestID] { lose(Set(machines.keys)) }

  /// When to look next, on `Moment.uptime`; nil = nobody waits.
  ///
  /// - Parameter trustedUntil: When the lease ends, and every wait with it.
  func wakeAt(trustedUntil: Int64?) -> Int64? {
    guard let end = ends.first else { return nil }
    return trustedUntil.map { min($0, end) } ?? end
  }

  /// Somebody waits where nobody looks, or is counted otherwise than it is. Looks at everything.
  var isInconsistent: Bool {
    let found = machines.flatMap { shard, machines in
      machines.flatMap { machine, waiters in
        waiters.all.filter { waits[$0]?.shard == shard && waits[$0]?.request.machine == machine }
      }
    }
    return found.count != waits.count || Set(found).count != waits.count || !woken.isEmpty
      || ends.count != waits.count
      || machines.values.contains { $0.isEmpty || $0.values.contains(where: \.isEmpty) }
  }

  /// Those that wait for a machine, with what they wait for. For the simulation.
  func all() -> some Collection<Wait> { waits.values }
}
