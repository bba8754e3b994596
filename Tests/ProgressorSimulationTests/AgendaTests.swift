import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorSimulation

@Suite("Agenda")
struct AgendaTests {
  private func number(_ occurrence: Occurrence?) -> Int? {
    if case .restart(let number) = occurrence { number } else { nil }
  }

  @Test("What is planned happens in the order of its time, and time moves on to it")
  func orderOfTime() {
    var agenda = Agenda()
    var random = RandomSource(seed: 3)
    let start = agenda.now
    for _ in 0..<500 {
      let delay = Int64(random.below(1_000))
      agenda.plan(.restart(node: Int(delay)), at: start + delay)
    }
    var last = -1
    for _ in 0..<500 {
      let next = number(agenda.next()) ?? -1
      #expect(next >= last)
      #expect(agenda.now == start + Int64(next))
      last = next
    }
    #expect(agenda.count == 0)
  }

  @Test("At one time, what was planned first happens first")
  func orderOfPlanning() {
    var agenda = Agenda()
    for node in 0..<100 { agenda.plan(.restart(node: node), after: 10) }
    let order = (0..<100).map { _ in number(agenda.next()) }
    #expect(order == Array(0..<100))
  }

  @Test("Nothing happens in the past")
  func nothingInThePast() {
    var agenda = Agenda()
    agenda.plan(.restart(node: 1), after: 100)
    _ = agenda.next()
    let now = agenda.now
    agenda.plan(.restart(node: 2), at: now - 50)
    let next = number(agenda.next())
    #expect(next == 2)
    #expect(agenda.now == now)
  }
}

@Suite("Random source")
struct RandomSourceTests {
  @Test("Numbers below a bound are below it, and reach every value")
  func belowABound() {
    var random = RandomSource(seed: 9)
    let drawn = Set((0..<1_000).map { _ in random.below(7) })
    #expect(drawn == Set(0..<7))
    let none = random.below(0)
    let only = random.within(5...5)
    let durations = (0..<100).map { _ in random.duration(upTo: 300) }
    #expect(none == 0)
    #expect(only == 5)
    #expect(durations.allSatisfy { (0...300).contains($0) })
  }

  @Test("A weight of none is never drawn")
  func weights() {
    var random = RandomSource(seed: 9)
    let drawn = Set((0..<500).map { _ in random.weighted([3, 0, 1]) })
    #expect(drawn == [0, 2])
  }
}
