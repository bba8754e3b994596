import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Admission of requests")
struct AdmissionTests {
  /// What an engine refuses a Get, or something else, in the namespace "n" with.
  private func answer(
    after inputs: [Input], to operation: Operation = .get(range: nil)
  ) -> ProgressorError? {
    let world = World(begins: false)
    world.database.holdsLoads = true
    world.play(inputs)
    return world.reply(to: operation, "m")?.error
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
    let namespace = Namespace.named("n", limits: Limits(mailbox: 0))
    let known = Input.namespacesChanged([
      NamespaceRecord(number: NamespaceNumber(1), namespace: namespace)
    ])
    #expect(answer(after: owning + [known], to: operation) == nil)
  }

  /// The shard under a lease.
  private var owning: [Input] {
    [
      .shardsAcquired([ShardGrant(shard: ShardID(0), epoch: 1)]), .leaseRenewed(until: 1_000_000),
    ]
  }
}
