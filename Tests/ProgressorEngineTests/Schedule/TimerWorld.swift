import MachineModel

@testable import ProgressorEngine

/// An engine with little room for timers, on a database, in virtual time: each wake-up comes when
/// it was asked for. Processors answer at once, or are down.
final class TimerWorld {
  private var engine: Engine
  private var database = ScenarioDatabase()
  private var uptime: Int64 = 0
  private var wakeAt: Int64?
  private var lastRequest: UInt64 = 0
  private var lastKey: Int64 = 0
  /// Machines that a database took in, by namespace: the key of each is its own.
  private let namespaces: [String]
  private(set) var down: Set<String>

  /// What was fired: which machine, and how late in microseconds.
  private(set) var fired: [(machine: MachineID, late: Int64)] = []
  /// Spans that were read, and the machines that they brought, by namespace.
  private(set) var reads: [String: Int] = [:]
  private(set) var rowsRead: [String: Int] = [:]
  /// How long the database takes to answer a look ahead.
  var latency: Int64 = 1_000
  private var answers: [(at: Int64, input: Input)] = []

  /// - Parameter page: Rows that one look ahead brings; four times as many timers are in memory.
  init(page: Int, namespaces: [String], down: Set<String> = []) {
    var configuration = EngineConfiguration()
    configuration.shards = 4
    configuration.slots = 1
    configuration.lookAheadPage = page
    engine = Engine(configuration: configuration)
    self.namespaces = namespaces
    self.down = down
  }

  static let start = Timestamp(microseconds: 1_700_000_000_000_000)

  var now: Moment {
    Moment(wall: TimerWorld.start.advanced(byMicroseconds: uptime), uptime: uptime)
  }

  func number(of namespace: String) -> NamespaceNumber {
    NamespaceNumber(Int32((namespaces.firstIndex(of: namespace) ?? 0) + 1))
  }

  private var records: [NamespaceRecord] {
    namespaces.map { name in
      NamespaceRecord(
        number: number(of: name),
        namespace: Namespace(name: name, processor: ProcessorOptions(endpoint: "127.0.0.1:1")))
    }
  }

  func begin() {
    play([
      .namespacesChanged(records), .leaseRenewed(until: .max),
      .shardsAcquired((0..<4).map { ShardGrant(shard: ShardID($0), epoch: 1) }),
    ])
  }

  /// Puts a machine with a timer into the database, past the engine.
  func store(_ id: String, in namespace: String, due: Timestamp) {
    lastKey += 1
    let machine = MachineID(namespace: namespace, id: id)
    let shard = ShardID(of: machine, shards: 4)
    let timer = TimerRow(
      serial: lastKey, firesAt: due, historyRange: nil, processingTimeout: nil,
      context: CallerContext())
    let row = MachineRow(
      key: MachineKey(lastKey), shard: shard, namespace: number(of: namespace), machine: machine,
      version: 1, createdAt: TimerWorld.start, lastEventID: 0, lastEventAt: TimerWorld.start,
      auxState: nil, failure: nil, timer: timer, notificationCount: 0, due: due)
    let record = CommitRecord(
      shard: shard, namespace: row.namespace, machine: machine, key: row.key, row: .insert(row))
    database.apply(CommitBatch(id: BatchID(0), slot: 0, records: [record]))
  }

  /// Starts a machine that sets a timer, in seconds from now.
  func start(_ id: String, in namespace: String, timer seconds: Int64) {
    ask(.start(args: Array("\(seconds)".utf8), key: nil), id, namespace)
  }

  func ask(_ operation: ProgressorEngine.Operation, _ id: String, _ namespace: String) {
    lastRequest += 1
    play([
      .request(
        Request(
          id: RequestID(lastRequest), machine: MachineID(namespace: namespace, id: id),
          operation: operation, deadline: .max))
    ])
  }

  func bringBack(_ namespace: String) {
    down.remove(namespace)
    play([.endpointReady(number(of: namespace))])
  }

  var timersInMemory: Int { engine.takeStatistics(at: uptime).timers }

  /// Lets time pass; the engine is woken when it asked for it.
  func pass(seconds: Int64) {
    let end = uptime + seconds * 1_000_000
    while let next = [wakeAt, answers.map(\.at).min()].compactMap({ $0 }).min(), next <= end {
      uptime = max(uptime, next)
      var inputs = answers.filter { $0.at <= uptime }.map(\.input)
      answers.removeAll { $0.at <= uptime }
      if let at = wakeAt, at <= uptime {
        wakeAt = nil
        inputs.append(.timePassed)
      }
      play(inputs)
    }
    uptime = end
  }

  func play(_ inputs: Input...) { play(inputs) }

  private func play(_ inputs: [Input]) {
    var inputs = inputs
    while !inputs.isEmpty {
      var effects: [Effect] = []
      for input in inputs { engine.handle(input, now: now, into: &effects) }
      engine.flush(now: now, into: &effects)
      inputs = effects.compactMap { answer($0) }
    }
  }

  private func answer(_ effect: Effect) -> Input? {
    switch effect {
    case .load(let load): return .loaded(load.id, .success(database.answer(load)))
    case .commit(let batch):
      database.apply(batch)
      return .committed(batch.id)
    case .readDue(let query):
      let pages = database.due(query)
      for (span, page) in zip(query.spans, pages) {
        reads[span.name, default: 0] += 1
        rowsRead[span.name, default: 0] += (try? page.get().machines.count) ?? 0
      }
      answers.append((uptime + latency, .due(query, pages)))
      return nil
    case .invoke(let invocation): return outcome(of: invocation)
    case .wake(let at):
      wakeAt = at
      return nil
    case .reply, .list, .awaitEndpoint, .callOff: return nil
    }
  }

  private func outcome(of invocation: Invocation) -> Input {
    let machine = invocation.machine.machineID
    var outcome = ProcessorOutcome.answered(ProcessorAnswer())
    switch invocation.stimulus {
    case .signal(.initialize(let args)):
      var answer = ProcessorAnswer()
      let seconds = Int64(String(decoding: args, as: UTF8.self)) ?? 0
      answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: seconds * 1_000_000)))
      outcome = .answered(answer)
    case .signal(.timeout) where down.contains(machine.namespace):
      outcome = .unreachable(message: "connection refused")
    case .signal(.timeout):
      let due = database.rows[machine]?.due ?? now.wall
      fired.append((machine, now.wall.microseconds - due.microseconds))
    case .call:
      var answer = ProcessorAnswer()
      answer.action.timer = .unset
      outcome = .answered(answer)
    default: break
    }
    return .processorAnswered(invocation.step, attempt: invocation.attempt, outcome)
  }
}
