import MachineModel
import ProgressorEngine

/// Clients that ask by chance, with few names between them.
struct Workload {
  /// A request that carried a key, to be repeated.
  private struct Keyed {
    var machine: MachineID
    var operation: Operation
    var tag: UInt64
  }

  struct Drawn {
    var machine: MachineID
    var operation: Operation
    var tag: UInt64
    /// Microseconds that the client waits.
    var patience: Int64
  }

  /// No namespace has this name.
  static let unknown = "unknown"

  private let world: World
  private var lastTag: UInt64 = 0
  private var lastKey = 0
  private var keyed: [Keyed] = []
  /// The machine that was read last: mostly it is read again soon, another part of it perhaps.
  private var read: MachineID?
  private var weights: [Int]

  init(world: World, random: inout RandomSource) {
    self.world = world
    weights = [12, 40, 20, 12, 4, 3, 5, 5, 2, 5, 1, 4, 1, 6, 6, 5, 8, 4].map {
      $0 * (1 + random.below(3))
    }
    if random.chance(0.2) { weights[random.below(weights.count)] = 0 }
  }

  mutating func next(_ plan: inout FaultPlan, _ random: inout RandomSource) -> Drawn {
    let patience =
      plan.strikes(.shortDeadline, &random)
      ? random.duration(upTo: 100_000) : random.within(1_000_000...40_000_000)
    if let earlier = random.pick(keyed), random.chance(0.1) {
      var repeated = Drawn(
        machine: earlier.machine, operation: earlier.operation, tag: earlier.tag,
        patience: patience)
      if random.chance(0.2) { reuse(&repeated) }
      return repeated
    }
    if let machine = read, random.chance(0.3) {
      lastTag += 1
      let range = random.chance(0.5) ? HistoryRange(limit: 0) : range(&random)
      return Drawn(
        machine: machine, operation: .get(range: range), tag: lastTag, patience: patience)
    }
    let namespace = random.pick(world.namespaces)?.namespace.name ?? ""
    var machine = MachineID(namespace: namespace, id: "m\(random.below(world.identifiers))")
    if random.chance(0.002) { machine.namespace = Workload.unknown }
    lastTag += 1
    let tag = lastTag
    let operation = operation(tag, &random)
    switch operation {
    case .list, .count, .awaitQuiet: machine.id = ""
    case .get: read = machine
    default: break
    }
    remember(Keyed(machine: machine, operation: operation, tag: tag), &random)
    return Drawn(machine: machine, operation: operation, tag: tag, patience: patience)
  }

  /// The same key with other arguments.
  private mutating func reuse(_ drawn: inout Drawn) {
    lastTag += 1
    drawn.tag = lastTag
    let args = Tag.bytes(lastTag)
    switch drawn.operation {
    case .start(_, let key): drawn.operation = .start(args: args, key: key)
    case .call(_, let range, let key): drawn.operation = .call(args: args, range: range, key: key)
    case .notify(_, let range, let key):
      drawn.operation = .notify(args: args, range: range, key: key)
    case .repair(_, let range, let key):
      drawn.operation = .repair(args: args, range: range, key: key)
    case .startOrCall(_, _, let range, let key):
      drawn.operation = .startOrCall(
        startArgs: Tag.bytes(Tag.start(before: lastTag)), args: args, range: range, key: key)
    case .startOrNotify(_, _, let range, let key):
      drawn.operation = .startOrNotify(
        startArgs: Tag.bytes(Tag.start(before: lastTag)), args: args, range: range, key: key)
    // What else there is has no key.
    default: break
    }
  }

  private mutating func remember(_ request: Keyed, _ random: inout RandomSource) {
    guard request.operation.key != nil else { return }
    if keyed.count < 32 { keyed.append(request) } else { keyed[random.below(32)] = request }
  }

  private mutating func operation(_ tag: UInt64, _ random: inout RandomSource) -> Operation {
    let args = Tag.bytes(tag, padding: random.chance(0.1) ? world.padding : 0)
    let key = random.chance(0.3) ? newKey() : nil
    let range = random.chance(0.3) ? range(&random) : nil
    switch random.weighted(weights) {
    case 0: return .start(args: args, key: key)
    case 1: return .call(args: args, range: range, key: key)
    case 2: return .notify(args: args, range: range, key: key)
    case 3: return .get(range: range)
    case 4: return .remove
    case 5:
      if random.chance(0.4) {
        return .trace(TraceQuery(before: 0, limit: Int32(1 + random.below(10))))
      }
      return list(&random)
    case 6: return .repair(args: args, range: range, key: key)
    case 7: return .simpleRepair
    case 8: return .pause(reason: "")
    case 9: return .resume
    // Which one is the simulation's to say, which knows what is queued.
    case 11: return .dropNotification(id: "")
    case 13:
      return .startOrCall(
        startArgs: Tag.bytes(Tag.start(before: tag)), args: args, range: range, key: key)
    case 14:
      return .startOrNotify(
        startArgs: Tag.bytes(Tag.start(before: tag)), args: args, range: range, key: key)
    // Behind what was shown last: the simulation knows.
    case 16:
      return .watch(
        WatchQuery(
          after: 0, limit: Int32(1 + random.below(6)), since: nil,
          patience: random.duration(upTo: 20_000_000)))
    // How near the event is, is the simulation's to say.
    case 15:
      return .get(range: range, wait: random.chance(0.6) ? .afterEvent(0) : .notWorking)
    case 17: return message(&random)
    case 12: return .listNotifications(NotificationQuery(pageSize: Int32(1 + random.below(4))))
    default: return .awaitQuiet
    }
  }

  /// Which message it is, is the simulation's to say.
  private func message(_ random: inout RandomSource) -> Operation {
    switch random.below(3) {
    case 0: .listMessages(MessageListQuery(after: 0, pageSize: Int32(1 + random.below(4))))
    case 1: .dropMessage(0)
    default: .retryMessage(0)
    }
  }

  private func list(_ random: inout RandomSource) -> Operation {
    if random.chance(0.2) { return .count }
    var query = ListQuery(
      status: random.pick([.any, .working, .retrying, .failed, .paused, .late]) ?? .any,
      idPrefix: random.chance(0.5) ? "m" : "", pageSize: Int32(1 + random.below(10)),
      after: random.chance(0.3) ? "m\(random.below(world.identifiers))" : nil)
    if query.status == .failed, random.chance(0.5) { query.failedCode = Code.internal.rawValue }
    return .list(query)
  }

  /// Mostly ranges within a history: what lies beyond its end is an error.
  private func range(_ random: inout RandomSource) -> HistoryRange {
    HistoryRange(
      after: random.chance(0.5) ? 0 : Int64(random.below(random.chance(0.2) ? 1_000 : 8)),
      limit: random.chance(0.5) ? Int32(random.below(6)) : nil,
      direction: random.chance(0.5) ? .forward : .backward)
  }

  private mutating func newKey() -> String {
    lastKey += 1
    return "k\(lastKey)"
  }

  /// A tag for a request that the simulation itself sends.
  mutating func newTag() -> UInt64 {
    lastTag += 1
    return lastTag
  }
}
