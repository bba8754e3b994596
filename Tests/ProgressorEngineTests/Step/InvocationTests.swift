import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("How long an invocation may take")
struct InvocationTests {
  private static let wall: Int64 = 1_700_000_000_000_000

  /// One namespace whose processor may take a second, on a database that answers at once.
  private final class World {
    private var engine: Engine
    private var uptime: Int64 = 0
    private(set) var invocations: [Invocation] = []

    init() {
      var configuration = EngineConfiguration()
      configuration.shards = 1
      engine = Engine(configuration: configuration)
      let namespace = Namespace(
        name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1", timeout: 1_000_000))
      play(
        .namespacesChanged([NamespaceRecord(number: NamespaceNumber(1), namespace: namespace)]),
        .leaseRenewed(until: .max), .shardsAcquired([ShardGrant(shard: ShardID(0), epoch: 1)]))
    }

    func play(_ inputs: Input...) {
      let now = Moment(wall: Timestamp(microseconds: wall + uptime), uptime: uptime)
      var effects: [Effect] = []
      for input in inputs { engine.handle(input, now: now, into: &effects) }
      engine.flush(now: now, into: &effects)
      for effect in effects {
        switch effect {
        case .load(let load): play(.loaded(load.id, .success(Loaded())))
        case .invoke(let invocation): invocations.append(invocation)
        case .commit(let batch): play(.committed(batch.id))
        case .readDue(let query):
          play(
            .due(
              query,
              query.spans.map { .success(DuePage(machines: [], reached: .end(of: $0.until))) }))
        case .callOff, .reply, .list, .awaitEndpoint, .wake: break
        }
      }
    }

    func ask(_ number: UInt64, _ operation: Operation, deadline: Int64) {
      play(
        .request(
          Request(
            id: RequestID(number), machine: MachineID(namespace: "n", id: "m"),
            operation: operation, deadline: deadline)))
    }

    func answer(_ answer: ProcessorAnswer = ProcessorAnswer()) {
      guard let last = invocations.last else { return }
      play(.processorAnswered(last.step, attempt: last.attempt, .answered(answer)))
    }

    func pass(_ microseconds: Int64) {
      uptime += microseconds
      play(.timePassed)
    }
  }

  @Test("A call may wait until its caller's deadline; the processor has its own time")
  func request() throws {
    let world = World()
    world.ask(1, .start(args: [], key: nil), deadline: 10_000_000)
    let start = try #require(world.invocations.last)
    #expect(start.deadline == 10_000_000)
    #expect(start.timeout == 1_000_000)
    #expect(start.waitsForEndpoint)
  }

  @Test("A timer's own processing_timeout goes first; it waits for half a minute at most")
  func timer() throws {
    let world = World()
    world.ask(1, .start(args: [], key: nil), deadline: 10_000_000)
    var answer = ProcessorAnswer()
    answer.action.timer = .set(
      TimerSetting(when: .timeout(microseconds: 2_000_000), processingTimeout: 5_000_000))
    world.answer(answer)
    world.pass(2_000_000)
    let timeout = try #require(world.invocations.last)
    #expect(timeout.stimulus == .signal(.timeout))
    #expect(timeout.timeout == 5_000_000)
    #expect(timeout.deadline == 2_000_000 + 5_000_000 + 30_000_000)
    #expect(!timeout.waitsForEndpoint)
  }
}
