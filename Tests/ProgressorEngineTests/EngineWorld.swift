import MachineModel

@testable import ProgressorEngine

/// An engine on a database that answers at once, with processors that answer OK: but for what a
/// test holds back. One shard and one writer unless the test configures more.
final class EngineWorld {
  var engine: Engine
  private(set) var database = ScenarioDatabase()
  private(set) var uptime: Int64 = 0
  var replies: [RequestID: Reply] = [:]
  private var lastRequest: UInt64 = 0

  var holdsCommits = false
  var holdsLoads = false
  var holdsCalls = false
  private(set) var commits: [CommitBatch] = []
  private(set) var loads: [LoadRequest] = []
  private(set) var calls: [Invocation] = []
  private(set) var endpointsAwaited = 0
  /// What a processor answers; nil = an empty answer.
  var answer: (Invocation) -> ProcessorOutcome? = { _ in nil }

  init(
    _ namespaces: [Namespace] = [EngineWorld.namespace("n")],
    configure: (inout EngineConfiguration) -> Void = { _ in }
  ) {
    var configuration = EngineConfiguration()
    configuration.shards = 1
    configuration.slots = 1
    configure(&configuration)
    engine = Engine(configuration: configuration)
    let records = namespaces.enumerated().map { index, namespace in
      NamespaceRecord(number: NamespaceNumber(Int32(index + 1)), namespace: namespace)
    }
    play([
      .namespacesChanged(records), .leaseRenewed(until: .max),
      .shardsAcquired(
        (0..<configuration.shards).map { ShardGrant(shard: ShardID($0), epoch: 1) }),
    ])
  }

  static func namespace(_ name: String, limits: Limits = Limits()) -> Namespace {
    Namespace(
      name: name, processor: ProcessorOptions(endpoint: "127.0.0.1:1"), limits: limits)
  }

  var now: Moment {
    Moment(wall: Timestamp(microseconds: 1_700_000_000_000_000 + uptime), uptime: uptime)
  }

  /// Hands inputs over as one turn, and plays what follows to its end.
  func play(_ first: [Input]) {
    var inputs = first
    while !inputs.isEmpty {
      var effects: [Effect] = []
      for input in inputs { engine.handle(input, now: now, into: &effects) }
      engine.flush(now: now, into: &effects)
      inputs = effects.compactMap { perform($0) }
    }
  }

  private func perform(_ effect: Effect) -> Input? {
    switch effect {
    case .reply(let id, let reply): replies[id] = reply
    case .load(let load):
      if holdsLoads { loads.append(load) } else { return loaded(load) }
    case .readDue(let query): return .due(query, database.due(query))
    case .commit(let batch):
      if holdsCommits { commits.append(batch) } else { return committed(batch) }
    case .invoke(let invocation):
      if holdsCalls { calls.append(invocation) } else { return answered(invocation) }
    case .awaitEndpoint: endpointsAwaited += 1
    case .list, .callOff, .wake: break
    }
    return nil
  }

  /// What the database has for the load.
  func loaded(_ load: LoadRequest) -> Input {
    .loaded(load.id, .success(database.answer(load)))
  }

  private func committed(_ batch: CommitBatch) -> Input {
    database.apply(batch)
    return .committed(batch.id)
  }

  private func answered(_ invocation: Invocation) -> Input {
    .processorAnswered(
      invocation.step, attempt: invocation.attempt,
      answer(invocation) ?? .answered(ProcessorAnswer()))
  }

  func takeCommits() -> [CommitBatch] {
    defer { commits = [] }
    return commits
  }

  func takeLoads() -> [LoadRequest] {
    defer { loads = [] }
    return loads
  }

  func takeCalls() -> [Invocation] {
    defer { calls = [] }
    return calls
  }

  /// What is held back goes on, and what comes after it is held back no more.
  func release() {
    (holdsCommits, holdsLoads, holdsCalls) = (false, false, false)
    play(takeLoads().map(loaded) + takeCalls().map(answered) + takeCommits().map(committed))
  }

  /// The requests that were held back so far are answered, and no others.
  func answerLoads() { play(takeLoads().map(loaded)) }

  /// The processor answers what it was asked so far.
  func answerCalls() { play(takeCalls().map(answered)) }

  func make(
    _ operation: ProgressorEngine.Operation, _ id: String, in namespace: String = "n",
    deadline: Int64 = .max, context: CallerContext = CallerContext()
  ) -> Request {
    lastRequest += 1
    return Request(
      id: RequestID(lastRequest), machine: MachineID(namespace: namespace, id: id),
      operation: operation, deadline: deadline, context: context)
  }

  @discardableResult
  func ask(
    _ operation: ProgressorEngine.Operation, _ id: String, in namespace: String = "n",
    deadline: Int64 = .max
  ) -> RequestID {
    let request = make(operation, id, in: namespace, deadline: deadline)
    play([.request(request)])
    return request.id
  }

  /// The reply to a request that is answered at once, or has been.
  func reply(to operation: ProgressorEngine.Operation, _ id: String, in namespace: String = "n")
    -> Reply?
  {
    replies[ask(operation, id, in: namespace)]
  }

  func pass(microseconds: Int64) {
    uptime += microseconds
    play([.timePassed])
  }

  func statistics() -> EngineStatistics { engine.takeStatistics(at: uptime) }
}

extension Reply {
  var error: ProgressorError? {
    if case .error(let error) = self { error } else { nil }
  }

  var shownMachine: Machine? {
    if case .machine(let machine) = self { machine } else { nil }
  }
}
