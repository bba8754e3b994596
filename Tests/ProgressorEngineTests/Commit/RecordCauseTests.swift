import MachineModel
import ProgressorEngineTestKit
import Testing

@testable import ProgressorEngine

@Suite("What records say of their causes")
struct RecordCauseTests {
  private final class Told {
    var causes: [String?] = []
  }

  private func world(namesCauses: Bool) -> (World, Told) {
    let (world, told) = (World { $0.namesCauses = namesCauses }, Told())
    world.watch = { effects in
      for case .commit(let batch) in effects {
        told.causes += batch.records.map { $0.cause?.entries.first?.value }
      }
    }
    return (world, told)
  }

  private func ask(_ world: World, _ operation: ProgressorEngine.Operation, in span: String) {
    var request = world.request(operation, "m")
    request.context = CallerContext([.init(name: "traceparent", value: span)])
    world.play([.request(request)])
  }

  private func play(_ world: World) {
    world.processor.answers(.event())
    ask(world, .start(args: [], key: nil), in: "a")
    world.processor.answers(.timer(after: .seconds(1)))
    ask(world, .call(args: [], range: nil, key: nil), in: "b")
    world.processor.answers(.event())
    ask(world, .notify(args: [], range: nil, key: nil), in: "c")
    world.processor.answers(.event())
    world.now += .seconds(1)
  }

  @Test("Who asked; of a timeout who set the timer, of a delivery who sent the notification")
  func causes() {
    let (world, told) = world(namesCauses: true)
    play(world)
    #expect(told.causes == ["a", "b", "c", "c", "b"])
    #expect(world.inconsistency() == nil)
  }

  @Test("Nothing, where nobody follows traces") func nothing() {
    let (world, told) = world(namesCauses: false)
    play(world)
    #expect(told.causes == [nil, nil, nil, nil, nil])
  }
}
