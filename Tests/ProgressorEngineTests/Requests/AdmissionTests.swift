import MachineModel
import Testing

@testable import ProgressorEngine

@Suite("Admission of requests")
struct AdmissionTests {
  /// What the engine refuses a Get, or something else, in the namespace "n" with.
  private func answer(
    after inputs: [Input], to operation: Operation = .get(range: nil)
  ) -> ProgressorError? {
    var engine = Engine(configuration: EngineConfiguration())
    let now = Moment(wall: Timestamp(microseconds: 1_700_000_000_000_000), uptime: 0)
    var effects: [Effect] = []
    for input in inputs { engine.handle(input, now: now, into: &effects) }
    let request = Request(
      id: RequestID(1), machine: MachineID(namespace: "n", id: "m"), operation: operation,
      deadline: 1_000_000)
    engine.handle(.request(request), now: now, into: &effects)
    for case .reply(RequestID(1), .error(let error)) in effects { return error }
    return nil
  }

  @Test("That a namespace is missing is said only when it is known which there are")
  func namespacesAreNotKnownYet() {
    #expect(answer(after: owning)?.reason == .storageUnavailable)
    #expect(answer(after: owning + [.namespacesChanged([])])?.reason == .namespaceNotFound)
  }

  @Test("A standby denies no namespace: the owner may just have made it")
  func namespacesOfOthers() {
    #expect(answer(after: [.namespacesChanged([])])?.reason == .notOwner)
  }

  @Test(
    "A mailbox in which nothing may wait forbids no notification and no pause",
    arguments: [
      Operation.pause(reason: ""), .resume, .notify(args: [], range: nil, key: nil),
      .call(args: [], range: nil, key: nil),
    ])
  func emptyMailbox(operation: Operation) {
    let namespace = Namespace(
      name: "n", processor: ProcessorOptions(endpoint: "n:1"), limits: Limits(mailbox: 0))
    let known = Input.namespacesChanged([
      NamespaceRecord(number: NamespaceNumber(1), namespace: namespace)
    ])
    #expect(answer(after: owning + [known], to: operation) == nil)
  }

  /// All shards under a lease.
  private var owning: [Input] {
    let shards = 0..<EngineConfiguration().shards
    return [
      .shardsAcquired(shards.map { ShardGrant(shard: ShardID($0), epoch: 1) }),
      .leaseRenewed(until: 1_000_000),
    ]
  }
}
