import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("Names are their bytes")
struct ExactNamesTests {
  private static let composed = "caf\u{E9}"
  private static let decomposed = "cafe\u{301}"

  @Test("Namespaces whose names only look alike are two, with settings and machines of their own")
  func namespaces() throws {
    let world = World([
      Namespace.named(Self.composed), Namespace.named(Self.decomposed),
    ])
    #expect(world.reply(to: .start(args: [], key: nil), "m", in: Self.composed) == .started)
    let get = ProgressorEngine.Operation.get(range: nil)
    #expect(world.reply(to: get, "m", in: Self.decomposed)?.error?.reason == .machineNotFound)
    #expect(world.reply(to: .start(args: [], key: nil), "m", in: Self.decomposed) == .started)
    let shown = try #require(world.reply(to: get, "m", in: Self.decomposed)?.shownMachine)
    #expect(shown.machineID.namespace.isExactly(Self.decomposed))
    #expect(world.statistics().machines == 2)
    #expect(world.statistics().namespaces.map { ExactText($0.name) }.count == 2)
  }

  @Test("A namespace that is not there is not answered by one that looks like it")
  func unknown() {
    let world = World([.named(Self.composed)])
    let reply = world.reply(to: .start(args: [], key: nil), "m", in: Self.decomposed)
    #expect(reply?.error?.reason == .namespaceNotFound)
  }

  @Test("Machines and idempotency keys that only look alike are two")
  func machinesAndKeys() {
    let world = World()
    #expect(world.reply(to: .start(args: [], key: Self.composed), Self.composed) == .started)
    #expect(world.reply(to: .start(args: [], key: Self.composed), Self.decomposed) == .started)
    let again = world.reply(to: .start(args: [], key: Self.decomposed), Self.composed)
    #expect(again?.error?.reason == .machineAlreadyExists)
    #expect(world.reply(to: .start(args: [], key: Self.composed), Self.composed) == .started)
  }

  @Test("A reason that only looks like a non-retryable one is retried")
  func reasons() {
    let policy = RetryPolicy(nonRetryable: [Self.composed, "INTERNAL"])
    #expect(policy.isNonRetryable(.unavailable, reasons: ["x", Self.composed]))
    #expect(policy.isNonRetryable(.internal, reasons: []))
    #expect(!policy.isNonRetryable(.unavailable, reasons: [Self.decomposed]))
  }
}
