import DequeModule

/// Records of one writer that are not written together with all others, by machine: the order of a
/// machine's records counts, so that what else is to be written of it waits behind the first.
///
/// A batch that was refused is tried in parts, and those again, until what is at fault stands
/// alone: groups, that take turns. There are many parts, since one that is written costs little,
/// and one that is refused may have waited for a lock: one locked row among 500 is found by three
/// refusals more, and where most are locked each stands alone soon.
///
/// Machines of which storage names the row as locked are kept without that, and asked for together
/// every ``lockedPause``: those that are free by then are written at once, as one group. Of those
/// that stay locked such a question costs storage milliseconds.
///
/// What cannot be written alone either, though others can be, since it is slow, or somebody has
/// locked another row of it, or what is damaged may be read again later, is kept: what the
/// processor answered is tried again when the machine's own time has come, with longer and longer
/// pauses.
///
/// Bounds. While others wait, groups have the writer for half of its time at most, questions for a
/// quarter of it, and what is tried alone for a quarter; a try that took longer than ``longestTry``
/// counts as that. Of M machines that are tried alone none is tried later than a minute after its
/// last try, and its turn among those that are due. Where one could be written others may be: they
/// are tried at once, twice as many each time. So when all of them can be written again,
/// log2(M) + 1 tries write all that fits into so many batches, beginning with the first that is
/// due.
struct HeldRecords {
  /// Why records are tried, apart from all others.
  enum Reason {
    /// They were refused together.
    case group
    /// Each could not be written alone.
    case retry
    /// Rows of theirs were locked.
    case locks
  }

  /// How the first record of a machine is tried next.
  private enum Standing: Hashable {
    case group
    /// Alone, at that time.
    case alone(Int64)
    /// With all others of which the row is locked, at that time.
    case locked(Int64)
  }

  private struct Held {
    /// nil while it is tried.
    var first: GroupCommit.Pending?
    var behind: [GroupCommit.Pending] = []
    var standing = Standing.group
    /// It could not be written alone, or its row was locked: also while it stands in a group again.
    var isKept = false
    /// Tries alone, in a row, that came to nothing, but for the first.
    var failures: Int64 = 0
  }

  private var machines: [ResidentMachine: Held] = [:]
  /// The longest refused first, but for those that nothing is known against; machines that were let
  /// go may be among them.
  private var groups: Deque<[ResidentMachine]> = []
  /// Machines that stand in groups, let go or not.
  private var grouped = 0
  /// Those that are tried alone and are not being tried, by when they are tried again.
  private var due = RankedHeap<ResidentMachine, Int64, Void>()
  /// Those whose rows are locked and that are not being asked for, by when they are again.
  private var locked = RankedHeap<ResidentMachine, Int64, Void>()
  /// What is tried at present.
  private(set) var tried: Reason?
  /// Before, on `Moment.uptime`, nothing is tried for that reason while others wait, or at all.
  private var groupsRestUntil = Int64.min
  private var retriesRestUntil = Int64.min
  private var questionsRestUntil = Int64.min
  /// So many that are tried alone are tried together, due or not; one alone has to be due.
  private var width = 1
  /// Machines that are kept, and records that wait.
  private(set) var keptCount = 0
  private(set) var count = 0

  /// Into so many parts is split what was refused together.
  static let parts = 16

  /// So long a machine is not asked for whose row was locked.
  static let lockedPause: Int64 = 1_000_000
  private static let firstPause: Int64 = 1_000_000
  private static let longestPause: Int64 = 8_000_000
  /// A try that took longer may have waited for the database, and says nothing more of the record.
  private static let longestTry: Int64 = 15_000_000

  /// When something is to be tried that nothing else announces; nil = nothing is. Groups are tried
  /// as soon as nobody else waits.
  var nextAt: Int64? {
    let retry = due.first.map { width > 1 ? retriesRestUntil : max($0, retriesRestUntil) }
    let question = locked.first.map { max($0, questionsRestUntil) }
    return [retry, question].compactMap(\.self).min()
  }

  func contains(_ machine: ResidentMachine) -> Bool { machines[machine] != nil }

  /// Its record could not be written alone, or its row is locked.
  func keeps(_ machine: ResidentMachine) -> Bool { machines[machine]?.isKept == true }

  /// Storage named its row as locked, and did not say otherwise since.
  func isLocked(_ machine: ResidentMachine) -> Bool {
    if case .locked? = machines[machine]?.standing { true } else { false }
  }

  /// Something of the machine waits here; not only behind what is being tried.
  func hasFirst(of machine: ResidentMachine) -> Bool { machines[machine]?.first != nil }

  /// What waits of the machine; not what is being tried.
  func records(of machine: ResidentMachine) -> [GroupCommit.Pending] {
    machines[machine].map { held in (held.first.map { [$0] } ?? []) + held.behind } ?? []
  }

  /// What waits in groups or behind those.
  var groupedRecords: [GroupCommit.Pending] { groups.flatMap { $0.flatMap { records(of: $0) } } }

  /// What is to be written of a machine that is here waits behind what is.
  mutating func wait(_ record: GroupCommit.Pending) {
    assert(contains(record.machine), "there is something to wait behind")
    machines[record.machine]?.behind.append(record)
    count += 1
  }

  /// What is to be tried now, if anything; it ends with `ended`, and then each of it with `hold`,
  /// `holdLocked`, `split` or `free`.
  mutating func next(at uptime: Int64, othersWait: Bool) -> [GroupCommit.Pending] {
    assert(tried == nil, "one try at a time")
    if let first = locked.first, questionsRestUntil <= uptime, first <= uptime {
      tried = .locks
      return take(from: \.locked, atMost: CommitBatch.maximumRecords, dueAt: uptime)
    }
    if let first = due.first, retriesRestUntil <= uptime, first <= uptime || width > 1 {
      tried = .retry
      return take(from: \.due, atMost: width, dueAt: .max)
    }
    guard groupsRestUntil <= uptime || !othersWait else { return [] }
    while let group = groups.popFirst() {
      Visits.note(group.count)
      grouped -= group.count
      assert(grouped >= 0, "more left groups than stood in them")
      let records = group.compactMap { machines[$0]?.standing == .group ? take($0) : nil }
      if records.isEmpty { continue }
      tried = .group
      return records
    }
    return []
  }

  /// Those of one heap that are first, as many as fit into a batch.
  private mutating func take(
    from heap: WritableKeyPath<Self, RankedHeap<ResidentMachine, Int64, Void>>,
    atMost maximum: Int, dueAt uptime: Int64
  ) -> [GroupCommit.Pending] {
    var records: [GroupCommit.Pending] = []
    var bytes = 0
    while records.count < maximum, let first = self[keyPath: heap].first, first <= uptime,
      let machine = self[keyPath: heap].firstKey
    {
      Visits.note(1)
      bytes += machines[machine]?.first?.record.bytes ?? 0
      if bytes > CommitBatch.maximumBytes, !records.isEmpty { break }
      self[keyPath: heap].remove(machine)
      if let record = take(machine) { records.append(record) }
    }
    assert(!records.isEmpty, "a machine whose turn it is has something to be tried")
    return records
  }

  private mutating func take(_ machine: ResidentMachine) -> GroupCommit.Pending? {
    guard let record = machines[machine]?.first else { return nil }
    machines[machine]?.first = nil
    count -= 1
    assert(count >= 0, "more records are tried than wait")
    return record
  }

  /// A try ended that took so long.
  mutating func ended(at uptime: Int64, after duration: Int64, isWritten: Bool) {
    assert(tried != nil, "what ends was tried")
    let duration = min(max(0, duration), Self.longestTry)
    switch tried {
    case .group: groupsRestUntil = uptime.saturatingAdd(duration)
    case .locks: questionsRestUntil = uptime.saturatingAdd(3 * duration)
    case .retry:
      retriesRestUntil = uptime.saturatingAdd(3 * duration)
      width = isWritten && due.count > 0 ? min(2 * width, CommitBatch.maximumRecords) : 1
    case nil: break
    }
    tried = nil
  }

  /// Keeps a record that could not be written alone, after so long.
  mutating func hold(_ record: GroupCommit.Pending, at uptime: Int64, after duration: Int64) {
    var held = machines[record.machine] ?? Held()
    if case .alone = held.standing { held.failures += 1 }
    let pause = min(Self.firstPause << min(held.failures, 8), Self.longestPause)
    let retryAt = uptime.saturatingAdd(
      max(pause, 4 * min(max(0, duration), Self.longestTry)))
    held.standing = .alone(retryAt)
    keep(record, held)
    assert(locked.rank(of: record.machine) == nil, "a machine is tried in one way")
    due.set(record.machine, at: retryAt, ())
  }

  /// Keeps a record of a machine whose row is locked, and of which nothing waits here but behind
  /// it.
  mutating func holdLocked(_ record: GroupCommit.Pending, at uptime: Int64) {
    var held = machines[record.machine] ?? Held()
    let askAt = uptime.saturatingAdd(Self.lockedPause)
    held.standing = .locked(askAt)
    held.failures = 0
    keep(record, held)
    assert(due.rank(of: record.machine) == nil, "a machine is tried in one way")
    locked.set(record.machine, at: askAt, ())
  }

  private mutating func keep(_ record: GroupCommit.Pending, _ held: Held) {
    assert(held.first == nil, "nothing of the machine waits before what is kept")
    if !held.isKept { keptCount += 1 }
    machines[record.machine] = held
    machines[record.machine]?.isKept = true
    machines[record.machine]?.first = record
    count += 1
  }

  /// Records were refused together: those that are tried alone have their time again, all others
  /// are tried in parts. Those of one machine stay together, so that parts may be written in any
  /// order.
  mutating func split(_ records: [GroupCommit.Pending]) {
    assert(tried == nil, "what is tried in parts is not being tried")
    let apart = putBack(records)
    let size = (apart.count + Self.parts - 1) / Self.parts
    for start in stride(from: 0, to: apart.count, by: max(1, size)) {
      let group = Array(apart[start..<min(start + size, apart.count)])
      groups.append(group)
      grouped += group.count
    }
  }

  /// Records were refused together with others whose fault it was: they are tried together, before
  /// all others.
  mutating func regroup(_ records: [GroupCommit.Pending]) {
    let apart = putBack(records)
    assert(apart.count <= records.count, "no machine is tried twice")
    if apart.isEmpty { return }
    groups.prepend(apart)
    grouped += apart.count
  }

  /// Keeps records of a batch that was refused. Answers machines that are to stand in groups now.
  private mutating func putBack(_ records: [GroupCommit.Pending]) -> [ResidentMachine] {
    var apart: [ResidentMachine] = []
    for record in records {
      let machine = record.machine
      guard let held = machines[machine] else {
        machines[machine] = Held(first: record)
        apart.append(machine)
        count += 1
        continue
      }
      // Of a batch of the first time it may be the machine's second.
      if held.first != nil {
        wait(record)
        continue
      }
      machines[machine]?.first = record
      count += 1
      if case .alone(let retryAt) = held.standing {
        due.set(machine, at: retryAt, ())
      } else {
        machines[machine]?.standing = .group
        apart.append(machine)
      }
    }
    assert(Set(apart).count == apart.count, "a machine stands in one group")
    return apart
  }

  /// It is known what became of the machine's record: what waited behind it.
  mutating func free(_ machine: ResidentMachine) -> [GroupCommit.Pending] {
    guard let held = machines.removeValue(forKey: machine) else { return [] }
    count -= held.behind.count
    if held.first != nil { count -= 1 }
    if held.isKept { keptCount -= 1 }
    assert(count >= 0 && keptCount >= 0, "more is free than was kept")
    due.remove(machine)
    locked.remove(machine)
    return held.behind
  }

  /// The machine's step is given up; what waited behind it, if it was the first.
  mutating func withdrawStep(of machine: ResidentMachine) -> [GroupCommit.Pending] {
    guard let held = machines[machine] else { return [] }
    if held.first?.isStep == true { return free(machine) }
    let behind = held.behind.filter { !$0.isStep }
    count -= held.behind.count - behind.count
    assert(count >= 0, "more is given up than waits")
    machines[machine]?.behind = behind
    return []
  }

  /// The machine was let go.
  mutating func forget(_ machine: ResidentMachine) {
    guard contains(machine) else { return }
    _ = free(machine)
    assert(due.count + locked.count <= machines.count, "who is tried by a time is here once")
    guard grouped > 2 * machines.count + 64 else { return }
    Visits.note(grouped)
    for index in groups.indices { groups[index].removeAll { machines[$0] == nil } }
    groups.removeAll(where: \.isEmpty)
    grouped = groups.reduce(0) { $0 + $1.count }
  }

  /// Something is counted otherwise than it is, or waits where nobody looks for it. `inFlight` is
  /// what is on its way.
  func isInconsistent(inFlight: [GroupCommit.Pending]) -> Bool {
    let groups = Set(groups.joined())
    let isLost = machines.contains { machine, held in
      if held.first == nil { return tried == nil || !inFlight.contains { $0.machine === machine } }
      let standing: Standing? =
        switch (due.rank(of: machine), locked.rank(of: machine)) {
        case (let retryAt?, nil): .alone(retryAt)
        case (nil, let askAt?): .locked(askAt)
        case (nil, nil): groups.contains(machine) ? .group : nil
        case (.some, .some): nil
        }
      return held.standing != standing || (standing != .group && groups.contains(machine))
    }
    let waiting = machines.values.reduce(0) { $0 + $1.behind.count + ($1.first == nil ? 0 : 1) }
    return isLost || count != waiting || due.count > machines.count
      || locked.count > machines.count || keptCount != machines.values.count(where: \.isKept)
      || grouped != self.groups.reduce(0) { $0 + $1.count }
  }
}
