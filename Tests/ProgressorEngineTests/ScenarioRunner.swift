import MachineModel
import ProgressorEngine
import ProgressorEngineTestKit

/// Plays a scenario: lines of commands, each followed by the effects that the engine answered with.
///
///     call m
///     ----
///     invoke r2 call m attempt=1 history=1
///
/// The words that differ from run to run (keys, serials) are left out of the effects' text.
final class ScenarioRunner {
  private let world: World
  /// Of the effects of the command that is played.
  private var lines: [String] = []
  private var epoch: Int64 = 1

  private static let namespace = Namespace(
    name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1", maxInFlight: 2),
    retryPolicy: RetryPolicy(maxAttempts: 3, jitter: 0),
    limits: Limits(mailbox: 3, notifications: 3), trace: TraceOptions(level: .nothing))

  init() {
    world = World([Self.namespace]) { $0.shards = 4 }
    world.database.holdsLoads = true
    world.database.holdsCommits = true
    world.processor.holds = true
    world.watch = { [unowned self] effects in
      lines += effects.flatMap { $0.lines(now: world.now) }
    }
  }

  /// The effects of one command, a line each.
  func run(_ command: String) -> [String] {
    lines = []
    let words = command.split(separator: " ").map(String.init)
    guard let verb = words.first else { return [] }
    let arguments = Arguments(words.dropFirst())
    switch verb {
    case "start", "call", "notify", "repair", "simple-repair", "get", "remove", "list", "trace",
      "pause", "resume", "await-quiet", "drop", "count", "queue", "import":
      request(verb, arguments)
    case "cancel": world.cancel(RequestID(arguments.number("r")))
    case "pass": world.now += arguments.duration(arguments.first)
    case "load": load(arguments)
    case "answer": answer(arguments)
    case "commit", "land", "hear", "refuse", "delay", "fence": batch(verb, arguments)
    case "renew": world.play([.leaseRenewed(until: .max)])
    case "endpoint": world.play([.endpointReady(NamespaceNumber(1))])
    case "pause-namespace":
      world.namespaces[0].pause = Pause(pausedAt: world.now.wall, reason: arguments.first)
    case "record": world.namespaces[0].trace.level = arguments.level
    case "resume-namespace": world.namespaces[0].pause = nil
    case "lose": world.play([.shardsLost(world.shards)])
    case "restart":
      epoch += 1
      world.restart(epoch: epoch)
    default: lines = ["there is no command \(verb)"]
    }
    return lines
  }

  private func request(_ verb: String, _ arguments: Arguments) {
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
      case "trace": .trace(TraceQuery(before: 0, limit: 10))
      case "count": .count
      case "queue": .listNotifications(NotificationQuery(pageSize: 10))
      case "import": .importMachine(arguments.machine(now: world.now.wall))
      case "drop": .dropNotification(id: arguments["id"] ?? notification(arguments))
      default: .list(ListQuery(status: .any, idPrefix: "", pageSize: 10, after: nil))
      }
    world.ask(
      operation, arguments.first, in: arguments["namespace"] ?? "n",
      within: arguments["deadline"].map { arguments.duration($0) } ?? .seconds(30),
      by: arguments["by"])
  }

  /// The `n`-th of the machine's queue in the database.
  private func notification(_ arguments: Arguments) -> String {
    let machine = MachineID(namespace: "n", id: arguments.first)
    let queue = world.database.queue(of: machine)
    let place = Int(arguments["n"] ?? "1") ?? 1
    return queue.indices.contains(place - 1) ? queue[place - 1].notificationID : "0-1"
  }

  private func load(_ arguments: Arguments) {
    guard let load = world.nextLoad() else {
      lines = ["nothing to load"]
      return
    }
    var found = world.database.answer(load)
    switch arguments.first {
    case "unavailable": return world.play([.loaded(load.id, .failure(.unavailable))])
    case "damaged":
      found = Loaded(row: found.row, damage: "a row is damaged")
      found.row?.timer = nil
    case "hole" where !found.history.isEmpty:
      found.history.remove(at: found.history.count / 2)
    default: break
    }
    world.play([.loaded(load.id, .success(found))])
  }

  private func batch(_ verb: String, _ arguments: Arguments) {
    guard let batch = world.database.heldCommits.first else {
      lines = ["nothing to \(verb)"]
      return
    }
    switch verb {
    // It is in the database, and nobody hears it so far.
    case "land": return world.database.apply(batch)
    case "delay": return world.delay(batch)
    default: _ = world.nextCommit()
    }
    switch verb {
    case "commit": world.commit(batch)
    case "hear": world.play([.committed(batch.id)])
    case "refuse":
      let fault: CommitRefusal.Fault = arguments.first == "overdue" ? .overdue : .contents
      let refusal = CommitRefusal(fault, code: arguments.first, message: "no")
      world.play([.refused(batch.id, refusal)])
    default: world.fence(batch)
    }
  }

  private func answer(_ arguments: Arguments) {
    guard let call = world.nextCall() else {
      lines = ["nothing to answer"]
      return
    }
    world.answer(call, arguments.outcome)
  }
}
