import MachineModel
import ProgressorEngine

/// Plays a scenario: lines of commands, each followed by the effects that the engine answered with.
///
///     call m
///     ----
///     invoke r2 call m attempt=1 history=1
///
/// The words that differ from run to run (keys, serials) are left out of the effects' text.
struct ScenarioRunner: ~Copyable {
  private var engine: Engine
  private var database = ScenarioDatabase()
  private var uptime: Int64 = 0
  private var lastRequest: UInt64 = 0
  private var loads: [LoadRequest] = []
  private var batches: [CommitBatch] = []
  private var invocations: [Invocation] = []
  private var dueQueries: [DueQuery] = []
  private var epoch: Int64 = 1
  private var leaseUntil: Int64 = 1_000_000_000_000

  private var namespace = NamespaceRecord(
    number: NamespaceNumber(1),
    namespace: Namespace(
      name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1", maxInFlight: 2),
      retryPolicy: RetryPolicy(maxAttempts: 3, jitter: 0),
      limits: Limits(mailbox: 3, notifications: 3)))

  init() {
    engine = Engine(configuration: Self.configuration)
    _ = play([.namespacesChanged([namespace]), .leaseRenewed(until: leaseUntil)])
    acquire()
  }

  private var now: Moment {
    Moment(wall: Timestamp(microseconds: 1_700_000_000_000_000 + uptime), uptime: uptime)
  }

  private mutating func acquire() {
    let grants = (0..<4).map { ShardGrant(shard: ShardID($0), epoch: epoch) }
    _ = play([.shardsAcquired(grants)])
  }

  /// The effects of one command, a line each.
  mutating func run(_ command: String) -> [String] {
    let words = command.split(separator: " ").map(String.init)
    guard let verb = words.first else { return [] }
    let arguments = Arguments(words.dropFirst())
    switch verb {
    case "start", "call", "notify", "repair", "simple-repair", "get", "remove", "list", "pause",
      "resume", "await-quiet":
      return request(verb, arguments)
    case "cancel": return play([.cancelled(RequestID(arguments.number("r")))])
    case "pass": return pass(arguments.duration(arguments.first))
    case "load": return load(arguments)
    case "answer": return answer(arguments)
    case "commit": return commit()
    case "land":
      // It is in the database, and nobody hears it so far.
      guard let batch = batches.first else { return ["nothing to land"] }
      database.apply(batch)
      return []
    case "hear":
      return batches.isEmpty
        ? ["nothing to hear"] : play([.committed(batches.removeFirst().id)])
    case "refuse":
      guard !batches.isEmpty else { return ["nothing to refuse"] }
      let fault: CommitRefusal.Fault = arguments.first == "overdue" ? .overdue : .contents
      let refusal = CommitRefusal(fault, code: arguments.first, message: "no")
      return play([.refused(batches.removeFirst().id, refusal)])
    case "delay":
      return batches.first.map { play([.commitDelayed($0.id)]) } ?? ["nothing to delay"]
    case "fence":
      return batches.isEmpty
        ? ["nothing to fence"] : play([.fenced(batches.removeFirst().id)])
    case "renew": return play([.leaseRenewed(until: leaseUntil)])
    case "endpoint": return play([.endpointReady(NamespaceNumber(1))])
    case "pause-namespace": return setPause(Pause(pausedAt: now.wall, reason: arguments.first))
    case "resume-namespace": return setPause(nil)
    case "lose": return play([.shardsLost((0..<4).map { ShardID($0) })])
    case "restart":
      loads = []
      invocations = []
      batches = []
      epoch += 1
      engine = Engine(configuration: Self.configuration)
      return play([
        .namespacesChanged([namespace]), .leaseRenewed(until: leaseUntil),
        .shardsAcquired((0..<4).map { ShardGrant(shard: ShardID($0), epoch: epoch) }),
      ])
    default: return ["there is no command \(verb)"]
    }
  }

  private mutating func setPause(_ pause: Pause?) -> [String] {
    namespace.namespace.pause = pause
    return play([.namespacesChanged([namespace])])
  }

  private static var configuration: EngineConfiguration {
    var configuration = EngineConfiguration()
    configuration.shards = 4
    configuration.slots = 1
    return configuration
  }

  private mutating func request(_ verb: String, _ arguments: Arguments) -> [String] {
    lastRequest += 1
    let args = Array((arguments["args"] ?? "").utf8)
    let key = arguments["key"]
    let range = arguments.range
    let operation: ProgressorEngine.Operation =
      switch verb {
      case "start": .start(args: args, key: key)
      case "call": .call(args: args, range: range, key: key)
      case "notify": .notify(args: args, range: range, key: key)
      case "repair": .repair(args: args, range: range, key: key)
      case "simple-repair": .simpleRepair
      case "get": .get(range: range)
      case "remove": .remove
      case "pause": .pause(reason: arguments["reason"] ?? "")
      case "resume": .resume
      case "await-quiet": .awaitQuiet
      default: .list(ListQuery(status: .any, idPrefix: "", pageSize: 10, after: nil))
      }
    let deadline = uptime + (arguments["deadline"].map { arguments.duration($0) } ?? 30_000_000)
    return play([
      .request(
        Request(
          id: RequestID(lastRequest),
          machine: MachineID(namespace: arguments["namespace"] ?? "n", id: arguments.first),
          operation: operation, deadline: deadline))
    ])
  }

  private mutating func pass(_ microseconds: Int64) -> [String] {
    uptime += microseconds
    return play([.timePassed])
  }

  private mutating func load(_ arguments: Arguments) -> [String] {
    guard !loads.isEmpty else { return ["nothing to load"] }
    let load = loads.removeFirst()
    if arguments.first == "unavailable" {
      return play([.loaded(load.id, .failure(.unavailable))])
    }
    if arguments.first == "damaged" {
      var remains = Loaded(row: database.answer(load).row, damage: "a row is damaged")
      remains.row?.timer = nil
      return play([.loaded(load.id, .success(remains))])
    }
    var loaded = database.answer(load)
    if arguments.first == "hole", !loaded.history.isEmpty {
      loaded.history.remove(at: loaded.history.count / 2)
    }
    return play([.loaded(load.id, .success(loaded))])
  }

  private mutating func commit() -> [String] {
    guard !batches.isEmpty else { return ["nothing to commit"] }
    let batch = batches.removeFirst()
    database.apply(batch)
    return play([.committed(batch.id)])
  }

  private mutating func answer(_ arguments: Arguments) -> [String] {
    guard !invocations.isEmpty else { return ["nothing to answer"] }
    let invocation = invocations.removeFirst()
    return play([
      .processorAnswered(invocation.step, attempt: invocation.attempt, arguments.outcome)
    ])
  }

  private mutating func play(_ inputs: [Input]) -> [String] {
    var effects: [Effect] = []
    for input in inputs { engine.handle(input, now: now, into: &effects) }
    engine.flush(now: now, into: &effects)
    var lines: [String] = []
    for effect in effects {
      switch effect {
      case .load(let load): loads.append(load)
      case .commit(let batch): batches.append(batch)
      case .invoke(let invocation): invocations.append(invocation)
      case .readDue(let query):
        lines += play([.due(query, database.due(query))])
        continue
      case .wake: continue
      case .reply, .list, .awaitEndpoint, .callOff: break
      }
      lines += effect.lines(now: now)
    }
    return lines
  }
}
