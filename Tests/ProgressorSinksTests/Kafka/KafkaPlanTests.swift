import MachineModel
import Testing

@testable import ProgressorSinks

@Suite struct KafkaPlanTests {
  private static let wide = KafkaPlan.Window(entries: 1_000, bytes: 1 << 20)

  /// A plan of entries of these machines.
  private func plan(_ machines: String..., window: KafkaPlan.Window = wide) -> KafkaPlan {
    let entries = machines.enumerated().map { index, machine in
      Sample.entry(Int64(index + 1), machine: machine)
    }
    return KafkaPlan(entries, window: window)
  }

  @Test func ofEachMachineOneIsUnderWay() {
    var plan = plan("a", "b", "a", "c", "a")
    #expect(plan.all() == [0, 1, 3])
    plan.end(0, .arrived)
    #expect(plan.all() == [2])
    plan.end(1, .arrived)
    #expect(plan.all() == [])
    plan.end(2, .arrived)
    #expect(plan.all() == [4])
    plan.end(3, .arrived)
    #expect(!plan.isOver)
    plan.end(4, .arrived)
    #expect(plan.isOver)
    #expect(plan.receipt == SinkReceipt(outcomes: Array(repeating: .delivered, count: 5)))
  }

  @Test func machinesAreToldApartByTheirBytes() {
    // "é" as one character, and as two that join.
    var plan = plan("\u{E9}", "e\u{301}")
    #expect(plan.all() == [0, 1])
  }

  @Test func behindAFailedOneItsMachineWaitsAndOthersGoOn() {
    var plan = plan("a", "b", "a", "b")
    #expect(plan.all() == [0, 1])
    plan.end(0, .failed("lost"))
    plan.end(1, .arrived)
    #expect(plan.all() == [3])
    plan.end(3, .arrived)
    #expect(plan.isOver)
    #expect(
      plan.receipt
        == SinkReceipt(
          outcomes: [.pending, .delivered, .pending, .delivered], failure: SinkFailure("lost")))
  }

  @Test func whatIsRefusedAmongOthersGoesAgainAlone() {
    var plan = plan("a", "b", "a", "c")
    #expect(plan.all() == [0, 1, 3])
    plan.end(0, .refused("large"))
    plan.end(1, .refused("large"))
    #expect(plan.all() == [])
    plan.end(3, .arrived)

    #expect(plan.all() == [0])
    plan.end(0, .refused("large"))
    // What waited for it goes before the next one that has to be alone.
    #expect(plan.all() == [2])
    plan.end(2, .arrived)
    #expect(plan.all() == [1])
    plan.end(1, .arrived)
    #expect(plan.isOver)
    #expect(
      plan.receipt
        == SinkReceipt(outcomes: [.parked("large"), .delivered, .delivered, .delivered]))
  }

  @Test func whoIsWarySendsEachAlone() {
    let entries = [Sample.entry(1, machine: "a"), Sample.entry(2, machine: "b")]
    var plan = KafkaPlan(entries, window: Self.wide, isWary: true)
    #expect(plan.all() == [0])
    plan.end(0, .refused("large"))
    #expect(plan.all() == [1])
    plan.end(1, .arrived)
    #expect(plan.receipt == SinkReceipt(outcomes: [.parked("large"), .delivered]))
    #expect(!plan.hasSuspects)
  }

  @Test func whatCannotBeSentIsParkedAtOnce() {
    var plan = plan("a", "a")
    #expect(plan.begin() == 0)
    plan.end(0, .unfit("large"))
    #expect(plan.all() == [1])
    plan.end(1, .arrived)
    #expect(plan.receipt == SinkReceipt(outcomes: [.parked("large"), .delivered]))
  }

  @Test func noMoreIsUnderWayThanTheWindowHolds() {
    var few = plan("a", "b", "c", window: KafkaPlan.Window(entries: 2, bytes: 1 << 20))
    #expect(few.all() == [0, 1])
    few.end(0, .arrived)
    #expect(few.all() == [2])

    var small = plan("a", "b", "c", window: KafkaPlan.Window(entries: 9, bytes: 1))
    #expect(small.all() == [0])
    small.end(0, .arrived)
    #expect(small.all() == [1])
  }

  @Test func onceItIsStoppedNothingBegins() {
    var plan = plan("a", "a", "b", "c", "d")
    #expect(plan.all() == [0, 2, 3, 4])
    plan.end(2, .refused("large"))
    plan.stop("late")
    #expect(!plan.isOver)
    plan.end(0, .arrived)
    plan.end(3, .refused("large"))
    plan.end(4, .failed("lost"))
    #expect(plan.isOver && plan.begin() == nil)
    #expect(
      plan.receipt
        == SinkReceipt(
          outcomes: [.delivered, .pending, .pending, .pending, .pending],
          failure: SinkFailure("large")))
  }

  @Test func theReasonIsTheFirstFailuresUnlessThereIsOneOfAll() {
    var plan = plan("a", "b", "c")
    #expect(plan.all() == [0, 1, 2])
    plan.stop("late")
    #expect(plan.receipt.failure == SinkFailure("late"))
    plan.end(0, .failed("lost"))
    plan.end(1, .failed("cut off"))
    #expect(plan.receipt.failure == SinkFailure("lost"))
    plan.giveUp("broken")
    #expect(plan.receipt.failure == SinkFailure("broken"))
  }

  @Test func whatIsUnderWayIsPending() {
    var plan = plan("a")
    #expect(plan.all() == [0])
    plan.stop("cancelled")
    #expect(
      plan.receipt == SinkReceipt(outcomes: [.pending], failure: SinkFailure("cancelled")))
  }
}

extension KafkaPlan {
  /// All that begin now.
  fileprivate mutating func all() -> [Int] {
    var begun: [Int] = []
    while let index = begin() { begun.append(index) }
    return begun
  }
}
