import DequeModule

/// Records of one writer that are not written together with all others, by machine: the order of a
/// machine's records counts, so that what else is to be written of it waits behind the first.
///
/// A batch that was refused is tried in parts, and those again, until what is at fault stands
/// alone: groups, that take turns. There are many parts, since one that is written costs little,
/// and one that is refused may have waited for a lock: one locked row among 500 is found by three
/// refusals more, and where most are locked each stands alone soon.
///
/// What cannot be written alone either, though others can be, since somebody has locked a row, or
/// what is damaged may be read again later, is kept: what the processor answered is tried again
/// when the machine's own time has come, with longer and longer pauses.
///
/// Bounds. While others wait, groups have the writer for half of its time at most, and what is kept
/// for a quarter of it; a try that took longer than ``longestTry`` counts as that. Of M machines
/// that are kept, none is tried later than a minute after its last try, and its turn among those
/// that are due. Where one could be written others may be: they are tried at once, twice as many
/// each time. So when all of their rows are free again, log2(M) + 1 tries write all that fits into
/// so many batches, beginning with the first that is due.
struct HeldRecords {
  /// Why records are tried, apart from all others.
  enum Reason {
    /// They were refused together.
    case group
    /// Each could not be written alone.
    case retry
  }

  private struct Held {
    /// nil while it is tried.
    var first: GroupCommit.Pending?
    var behind: [GroupCommit.Pending] = []
    /// When it is tried again, since alone it could not be written; nil = it stands in a group.
    var retryAt: Int64?
    /// Tries alone, in a row, that came to nothing, but for the first.
    var failures: Int64 = 0
  }

  private var machines: [ResidentMachine: Held] = [:]
  /// The longest refused first; machines that were let go may be among them.
  private var groups: Deque<[ResidentMachine]> = []
  /// Machines that stand in groups, let go or not.
  private var grouped = 0
  /// Those that are kept and are not being tried, by when they are tried again.
  private var due = RankedHeap<ResidentMachine, Int64, Void>()
  /// What is tried at present.
  private(set) var tried: Reason?
  /// Before, on `Moment.uptime`, nothing is tried for that reason while others wait, or at all.
  private var groupsRestUntil = Int64.min
  private var retriesRestUntil = Int64.min
  /// So many that are kept are tried together, due or not; one alone has to be due.
  private var width = 1
  /// Machines that are kept, and records that wait.
  private(set) var keptCount = 0
  private(set) var count = 0

  /// Into so many parts is split what was refused together.
  static let parts = 16

  private static let firstPause: Int64 = 1_000_000
  private static let longestPause: Int64 = 8_000_000
  /// A try that took longer may have waited for the database, and says nothing more of the record.
  private static let longestTry: Int64 = 15_000_000

  /// When something is to be tried that nothing else announces; nil = nothing is. Groups are tried
  /// as soon as nobody else waits.
  var nextAt: Int64? { due.first.map { width > 1 ? retriesRestUntil : max($0, retriesRestUntil) } }

  func contains(_ machine: ResidentMachine) -> Bool { machines[machine] != nil }

  /// Its record could not be written alone.
  func keeps(_ machine: ResidentMachine) -> Bool { machines[machine]?.retryAt != nil }

  /// What waits of the machine; not what is being tried.
  func records(of machine: ResidentMachine) -> [GroupCommit.Pending] {
    machines[machine].map { held in (held.first.map { [$0] } ?? []) + held.behind } ?? []
  }

  /// What waits in groups or behind those.
  var groupedRecords: [GroupCommit.Pending] { groups.flatMap { $0.flatMap { records(of: $0) } } }

  /// What is to be written of a machine that is here waits behind what is.
  mutating func wait(_ record: GroupCommit.Pending) {
    machines[record.machine]?.behind.append(record)
    count += 1
  }

  /// What is to be tried now, if anything; it ends with `ended`, and then each of it with `hold`,
  /// `split` or `free`.
  mutating func next(at uptime: Int64, othersWait: Bool) -> [GroupCommit.Pending] {
    if let first = due.first, retriesRestUntil <= uptime, first <= uptime || width > 1 {
      tried = .retry
      return takeDue()
    }
    guard groupsRestUntil <= uptime || !othersWait else { return [] }
    while let group = groups.popFirst() {
      Visits.note(group.count)
      grouped -= group.count
      let records = group.compactMap { take($0) }
      if records.isEmpty { continue }
      tried = .group
      return records
    }
    return []
  }

  private mutating func takeDue() -> [GroupCommit.Pending] {
    var records: [GroupCommit.Pending] = []
    var bytes = 0
    while records.count < width, let machine = due.firstKey {
      Visits.note(1)
      bytes += machines[machine]?.first?.record.bytes ?? 0
      if bytes > CommitBatch.maximumBytes, !records.isEmpty { break }
      due.remove(machine)
      if let record = take(machine) { records.append(record) }
    }
    return records
  }

  private mutating func take(_ machine: ResidentMachine) -> GroupCommit.Pending? {
    guard let record = machines[machine]?.first else { return nil }
    machines[machine]?.first = nil
    count -= 1
    return record
  }

  /// A try ended that took so long.
  mutating func ended(at uptime: Int64, after duration: Int64, isWritten: Bool) {
    let duration = min(max(0, duration), Self.longestTry)
    switch tried {
    case .group: groupsRestUntil = uptime.saturatingAdd(duration)
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
    if held.retryAt == nil { keptCount += 1 } else { held.failures += 1 }
    let pause = min(Self.firstPause << min(held.failures, 8), Self.longestPause)
    let retryAt = uptime.saturatingAdd(
      max(pause, 4 * min(max(0, duration), Self.longestTry)))
    held.retryAt = retryAt
    held.first = record
    count += 1
    machines[record.machine] = held
    due.set(record.machine, at: retryAt, ())
  }

  /// Records were refused together: those that are kept have their time again, all others are tried
  /// in parts. Those of one machine stay together, so that parts may be written in any order.
  mutating func split(_ records: [GroupCommit.Pending]) {
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
      if let retryAt = held.retryAt {
        due.set(machine, at: retryAt, ())
      } else {
        apart.append(machine)
      }
    }
    let size = (apart.count + Self.parts - 1) / Self.parts
    for start in stride(from: 0, to: apart.count, by: max(1, size)) {
      let group = Array(apart[start..<min(start + size, apart.count)])
      groups.append(group)
      grouped += group.count
    }
  }

  /// It is known what became of the machine's record: what waited behind it.
  mutating func free(_ machine: ResidentMachine) -> [GroupCommit.Pending] {
    guard let held = machines.removeValue(forKey: machine) else { return [] }
    count -= held.behind.count
    if held.first != nil { count -= 1 }
    if held.retryAt != nil { keptCount -= 1 }
    due.remove(machine)
    return held.behind
  }

  /// The machine's step is given up; what waited behind it, if it was the first.
  mutating func withdrawStep(of machine: ResidentMachine) -> [GroupCommit.Pending] {
    guard let held = machines[machine] else { return [] }
    if held.first?.isStep == true { return free(machine) }
    let behind = held.behind.filter { !$0.isStep }
    count -= held.behind.count - behind.count
    machines[machine]?.behind = behind
    return []
  }

  /// The machine was let go.
  mutating func forget(_ machine: ResidentMachine) {
    guard contains(machine) else { return }
    _ = free(machine)
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
      return held.retryAt != due.rank(of: machine)
        || (held.retryAt == nil) != groups.contains(machine)
    }
    let waiting = machines.values.reduce(0) { $0 + $1.behind.count + ($1.first == nil ? 0 : 1) }
    return isLost || count != waiting || due.count > machines.count
      || keptCount != machines.values.count { $0.retryAt != nil }
      || grouped != self.groups.reduce(0) { $0 + $1.count }
  }
}
