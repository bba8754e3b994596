import MachineModel
import Testing

@testable import ProgressorEngine

/// Permits of a namespace that is gone belong to nobody: one that is back has others.
@Suite struct PermitGenerationTests {
  private let record = NamespaceRecord(
    number: NamespaceNumber(2),
    namespace: Namespace(name: "n", processor: ProcessorOptions(endpoint: "127.0.0.1:1")))

  /// What the second of two cores says to an input; the first one is the namespace's home.
  private func said(_ inputs: [Input], by engine: inout Engine) -> [PermitMessage] {
    let now = Moment(wall: Timestamp(microseconds: 1_700_000_000_000_000), uptime: 0)
    var effects: [Effect] = []
    for input in inputs { engine.handle(input, now: now, into: &effects) }
    engine.flush(now: now, into: &effects)
    #expect(engine.inconsistency() == nil)
    return effects.compactMap { if case .sendPermits(let message) = $0 { message } else { nil } }
  }

  private func message(_ content: PermitMessage.Content, generation: UInt64) -> Input {
    .permits(
      PermitMessage(
        from: CoreNumber(0), to: CoreNumber(1), namespace: record.number, generation: generation,
        kind: .invocation, content: content, fairShare: 5))
  }

  private func engine() -> Engine {
    var configuration = EngineConfiguration()
    configuration.part = ShardPart(CoreNumber(1), of: 2)
    return Engine(configuration: configuration)
  }

  @Test("what is lent to a namespace that is not known yet, or no more, goes back")
  func unknown() {
    var engine = engine()
    let early = said([message(.lent(3), generation: 1)], by: &engine)
    #expect(early.map(\.content) == [.returned(3)] && early.map(\.to) == [CoreNumber(0)])
    #expect(early.map(\.generation) == [1])
    #expect(
      said([.namespacesChanged([record]), message(.lent(3), generation: 1)], by: &engine) == [])
    let late = said([.namespacesChanged([]), message(.lent(4), generation: 1)], by: &engine)
    #expect(late.map(\.content) == [.returned(4)])
  }

  @Test("a namespace that is back keeps nothing of what its name had before")
  func back() {
    var engine = engine()
    let first: [Input] = [.namespacesChanged([record]), message(.lent(3), generation: 1)]
    #expect(said(first, by: &engine) == [])
    #expect(said([.namespacesChanged([]), .namespacesChanged([record])], by: &engine) == [])
    // Of the one before: it asks for nothing of this one.
    #expect(said([message(.recalled(3), generation: 1)], by: &engine) == [])
    let stale = said([message(.lent(2), generation: 1)], by: &engine)
    #expect(stale.map(\.content) == [.returned(2)])
    let own = said(
      [message(.lent(2), generation: 3), message(.recalled(2), generation: 3)], by: &engine)
    #expect(own.map(\.content) == [.returned(2)] && own.map(\.generation) == [3])
  }
}
