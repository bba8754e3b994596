import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("The look ahead")
struct LookAheadTests {
  /// An engine whose heap is full with two entries, on a database with these due machines.
  private final class World {
    private var engine: Engine
    private var uptime: Int64 = 0
    private let due: [DueMachine]
    /// What was answered with since the last look.
    private var effects: [Effect] = []

    init(due seconds: [Int64]) {
      var configuration = EngineConfiguration()
      configuration.shards = 1
      configuration.slots = 1
      configuration.lookAheadPage = 2
      engine = Engine(configuration: configuration)
      due = seconds.enumerated().map { index, seconds in
        DueMachine(
          position: DuePosition(
            due: World.start.advanced(byMicroseconds: seconds * 1_000_000), shard: ShardID(0),
            key: MachineKey(Int64(index))),
          machine: MachineID(namespace: "n", id: "far\(index)"))
      }
    }

    static let start = Timestamp(microseconds: 1_700_000_000_000_000)

    private var now: Moment {
      Moment(wall: World.start.advanced(byMicroseconds: uptime), uptime: uptime)
    }

    /// Takes inputs in and answers what is read and committed, until nothing more comes.
    func play(_ inputs: Input...) {
      var inputs = inputs
      while !inputs.isEmpty {
        var arisen: [Effect] = []
        for input in inputs { engine.handle(input, now: now, into: &arisen) }
        engine.flush(now: now, into: &arisen)
        inputs = arisen.compactMap { answer($0) }
        effects += arisen
      }
    }

    private func answer(_ effect: Effect) -> Input? {
      switch effect {
      case .load(let load): .loaded(load.id, .success(Loaded()))
      case .commit(let batch): .committed(batch.id)
      case .readDue(let query): .due(query, .success(Array(page(query))))
      case .invoke(let invocation):
        if case .signal(.initialize) = invocation.stimulus {
          .processorAnswered(invocation.step, attempt: 1, .answered(World.timerInASecond))
        } else {
          nil
        }
      case .reply, .list, .awaitEndpoint, .callOff, .wake: nil
      }
    }

    private func page(_ query: DueQuery) -> ArraySlice<DueMachine> {
      due.filter { machine in
        let position = machine.position
        let isBehind =
          query.after.map {
            (position.due, position.key.number) > ($0.due, $0.key.number)
          } ?? true
        return isBehind && position.due <= query.until
      }.prefix(query.limit)
    }

    private static var timerInASecond: ProcessorAnswer {
      var answer = ProcessorAnswer()
      answer.action.timer = .set(TimerSetting(when: .timeout(microseconds: 1_000_000)))
      return answer
    }

    func namespaces(_ endpoint: String) {
      let namespace = Namespace(name: "n", processor: ProcessorOptions(endpoint: endpoint))
      play(.namespacesChanged([NamespaceRecord(number: NamespaceNumber(1), namespace: namespace)]))
    }

    func start(_ id: String, number: UInt64) {
      play(
        .request(
          Request(
            id: RequestID(number), machine: MachineID(namespace: "n", id: id),
            operation: .start(args: [], key: nil), deadline: .max)))
    }

    func pass(seconds: Int64) {
      uptime += seconds * 1_000_000
      effects = []
      play(.timePassed)
    }

    /// The machines whose timeouts were handed to the processor since the last look.
    var timeouts: [String] {
      effects.compactMap { effect in
        guard case .invoke(let invocation) = effect, case .signal(.timeout) = invocation.stimulus
        else { return nil }
        return invocation.machine.machineID.id
      }
    }

    /// When the engine wants to be woken, of its last wish.
    var wake: Int64? {
      effects.compactMap { if case .wake(let at) = $0 { at } else { nil } }.last
    }

    func begin() {
      namespaces("127.0.0.1:1")
      play(
        .leaseRenewed(until: 1_000_000_000_000),
        .shardsAcquired([ShardGrant(shard: ShardID(0), epoch: 1)]))
    }
  }

  @Test("A timer fires in time though the heap was full when the look ahead had to begin anew")
  func rescanWithFullHeap() {
    let world = World(due: [50, 51])
    world.begin()
    world.namespaces("127.0.0.1:2")
    world.start("near", number: 1)
    world.pass(seconds: 1)
    #expect(world.timeouts == ["near"])
  }

  @Test("A full heap is filled further before the time is over that it covers, up to a bound")
  func fullHeapIsFilledInTime() throws {
    var configuration = EngineConfiguration()
    configuration.lookAheadPage = 2
    var lookAhead = LookAhead()
    func moment(_ seconds: Int64) -> Moment {
      Moment(
        wall: World.start.advanced(byMicroseconds: seconds * 1_000_000),
        uptime: seconds * 1_000_000)
    }
    func begin(at seconds: Int64, heapCount: Int) -> DueQuery? {
      lookAhead.begin(now: moment(seconds), heapCount: heapCount, configuration: configuration)
    }
    lookAhead.rescan(at: 0)
    let query = try #require(begin(at: 0, heapCount: 0))
    let page = (0..<2).map { key in
      DueMachine(
        position: DuePosition(due: moment(20).wall, shard: ShardID(0), key: MachineKey(key)),
        machine: MachineID(namespace: "n", id: "m\(key)"))
    }
    let isItsAnswer = lookAhead.ended(
      query, page: page, now: moment(0), configuration: configuration)
    #expect(isItsAnswer)
    #expect(begin(at: 0, heapCount: 2) == nil)
    let wake = try #require(
      lookAhead.wakeAt(now: moment(0), heapCount: 2, configuration: configuration))
    #expect(wake > 0 && wake < 20_000_000)
    #expect(begin(at: 20, heapCount: 8) == nil)
    #expect(lookAhead.wakeAt(now: moment(20), heapCount: 8, configuration: configuration) == nil)
    #expect(begin(at: wake / 1_000_000, heapCount: 7)?.after == page.last?.position)
  }
}
