import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

@Suite("Steps that come again alone")
struct LoneStepsTests {
  private let lease = Duration.seconds(10)

  private func step(_ key: Int64) -> CommitRecord {
    var machine = TestMachine("m", key: key)
    return machine.step()
  }

  @Test("What is larger than a batch, an import, is sent once more at most if its session is lost")
  func large() {
    var steps = LoneSteps()
    var machine = TestMachine("m")
    let body = String(repeating: "x", count: 1 << 20)
    let events = machine.append([String](repeating: body, count: 17))
    let allowance = steps.allowance(for: [machine.record(events: events)], lease: lease)
    #expect(allowance.unknowns == 1 && !allowance.isRetry)
    #expect(allowance.limit == .seconds(60) && allowance.patience == .seconds(70))
    let two = machine.record(events: Array(events.prefix(2)))
    #expect(steps.allowance(for: [two], lease: lease).unknowns == 3)
  }

  @Test("A step alone has long at first, and half a lease when it comes again while others wait")
  func retry() {
    var steps = LoneSteps()
    let first = steps.allowance(for: [step(1)], lease: lease)
    #expect(first.limit == .seconds(60) && first.unknowns == 3 && !first.isRetry)
    for time in 0..<20 {
      steps.refused(step(1), at: Int64(time))
      let other = steps.allowance(for: [step(2), step(3)], lease: lease)
      #expect(other.limit == .seconds(5) && other.unknowns == 3 && !other.isRetry)
      let again = steps.allowance(for: [step(1)], lease: lease)
      #expect(again.limit == .seconds(5) && again.unknowns == 1 && again.isRetry)
      #expect(again.patience > again.limit)
    }
  }

  @Test("When nothing else is written between its tries, it gets more time, up to the first")
  func alone() {
    var steps = LoneSteps()
    _ = steps.allowance(for: [step(1)], lease: lease)
    var limits: [Duration] = []
    for time in 0..<6 {
      steps.refused(step(1), at: Int64(time))
      limits.append(steps.allowance(for: [step(1)], lease: lease).limit)
    }
    #expect(limits == [5, 10, 20, 40, 60, 60].map { Duration.seconds($0) })
    steps.refused(step(1), at: 7)
    _ = steps.allowance(for: [step(2)], lease: lease)
    let last = steps.allowance(for: [step(1)], lease: lease)
    #expect(last.limit == .seconds(5))
  }

  @Test("Questions that find rows locked take no time from it")
  func questions() {
    var steps = LoneSteps()
    _ = steps.allowance(for: [step(1)], lease: lease)
    var limits: [Duration] = []
    for time in 0..<3 {
      steps.refused(step(1), at: Int64(time))
      _ = steps.allowance(for: [step(2), step(3)], lease: lease)
      steps.onlyAsked()
      limits.append(steps.allowance(for: [step(1)], lease: lease).limit)
      steps.onlyAsked()
    }
    #expect(limits == [5, 10, 20].map { Duration.seconds($0) })
  }

  @Test("A batch with such a step may lose its session once; what was written is forgotten")
  func known() {
    var steps = LoneSteps()
    steps.refused(step(1), at: 0)
    let both = steps.allowance(for: [step(1), step(2)], lease: lease)
    #expect(both.unknowns == 1)
    steps.written([step(2), step(1)])
    #expect(steps.count == 0)
    let alone = steps.allowance(for: [step(1)], lease: lease)
    #expect(alone.unknowns == 3)
  }

  @Test("No more than so many are remembered, and none for ever")
  func bounded() {
    var steps = LoneSteps()
    for key in 0..<5_000 { steps.refused(step(Int64(key)), at: 0) }
    #expect(steps.count == LoneSteps.capacity)
    steps.refused(step(9_999), at: DamageTrials.memory)
    #expect(steps.count == 1)
  }
}
