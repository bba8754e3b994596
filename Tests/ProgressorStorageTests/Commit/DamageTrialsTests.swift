import MachineModel
import ProgressorEngine
import Testing

@testable import ProgressorStorage

@Suite("Whose damage it is")
struct DamageTrialsTests {
  private static let second: Int64 = 1_000_000

  private func subject(_ number: Int64) -> DamageTrials.Subject {
    .init(shard: ShardID(0), key: MachineKey(number))
  }

  @Test("A machine's damage is lasting when it is met again and again for the whole time")
  func lasting() {
    var trials = DamageTrials(patience: 30 * Self.second)
    for second in 0..<30 {
      #expect(trials.meets(subject(1), at: Int64(second) * Self.second) == .mayPass)
    }
    #expect(trials.meets(subject(1), at: 30 * Self.second) == .isLasting)
    // What follows is another trial.
    #expect(trials.meets(subject(1), at: 31 * Self.second) == .mayPass)
  }

  @Test("Two attempts are not enough, however far apart")
  func attempts() {
    var trials = DamageTrials(patience: 30 * Self.second)
    #expect(trials.meets(subject(1), at: 0) == .mayPass)
    #expect(trials.meets(subject(1), at: 40 * Self.second) == .mayPass)
    #expect(trials.meets(subject(1), at: 41 * Self.second) == .isLasting)
  }

  @Test("A step that is written ends the trial, and so does a long time without one")
  func begunAnew() {
    var trials = DamageTrials(patience: 30 * Self.second)
    #expect(trials.meets(subject(1), at: 0) == .mayPass)
    #expect(trials.meets(subject(1), at: 20 * Self.second) == .mayPass)
    trials.passed(subject(1))
    #expect(trials.isEmpty)
    #expect(trials.meets(subject(1), at: 40 * Self.second) == .mayPass)
    #expect(trials.meets(subject(1), at: 50 * Self.second) == .mayPass)
    #expect(trials.meets(subject(1), at: 4_000 * Self.second) == .mayPass)
  }

  @Test("Five machines on trial are the database's trouble, however slowly they are found")
  func widespread() {
    var trials = DamageTrials(patience: 30 * Self.second)
    for number in 0..<4 {
      let now = Int64(number) * 60 * Self.second
      #expect(trials.meets(subject(Int64(number)), at: now) == .mayPass)
    }
    let firstLook = trials.isWidespread(at: 200 * Self.second)
    #expect(!firstLook)
    for time in stride(from: 240, through: 3_000, by: 60) {
      let number = Int64(time / 60 % 5)
      #expect(trials.meets(subject(number), at: Int64(time) * Self.second) == .isWidespread)
    }
    trials.passed(subject(0))
    let secondLook = trials.isWidespread(at: 3_001 * Self.second)
    #expect(!secondLook)
    // The time before does not count.
    #expect(trials.meets(subject(1), at: 3_002 * Self.second) == .mayPass)
    #expect(trials.meets(subject(1), at: 3_020 * Self.second) == .mayPass)
    #expect(trials.meets(subject(1), at: 3_030 * Self.second) == .mayPass)
    #expect(trials.meets(subject(1), at: 3_032 * Self.second) == .isLasting)
  }

  @Test("Machines that failed count on, though their failure was written: few fail, not all")
  func failedOnes() {
    var trials = DamageTrials(patience: 0)
    var failed = 0
    for number in 0..<100 {
      for time in 0..<3 {
        let now = Int64(number * 10 + time) * Self.second
        if trials.meets(subject(Int64(number)), at: now) == .isLasting {
          failed += 1
          trials.passed(subject(Int64(number)))
        }
      }
    }
    #expect(failed == DamageTrials.machines - 1)
  }

  @Test("It spreads while the number grows; one that stays the same hinders nobody for ever")
  func spreading() {
    var trials = DamageTrials(patience: 30 * Self.second)
    for number in 0..<5 { _ = trials.meets(subject(Int64(number)), at: 0) }
    let thirdLook = trials.isSpreading(at: 0)
    #expect(thirdLook)
    // Nothing at all was written since.
    let fourthLook = trials.isSpreading(at: 599 * Self.second)
    #expect(fourthLook)
    let fifthLook = trials.isSpreading(at: 600 * Self.second)
    #expect(!fifthLook)
    trials.written(at: 1 * Self.second)
    let sixthLook = trials.isSpreading(at: 59 * Self.second)
    #expect(sixthLook)
    let seventhLook = trials.isSpreading(at: 60 * Self.second)
    #expect(!seventhLook)
    for time in stride(from: 70, to: 3_000, by: 7) {
      let verdict = trials.meets(subject(Int64(time % 5)), at: Int64(time) * Self.second)
      #expect(verdict == .isWidespread)
      let eighthLook = trials.isSpreading(at: Int64(time) * Self.second)
      #expect(!eighthLook)
    }
    _ = trials.meets(subject(5), at: 3_000 * Self.second)
    let ninthLook = trials.isSpreading(at: 3_000 * Self.second)
    #expect(ninthLook)
  }

  @Test("Any number of machines leaves no more behind than is bounded, and that for an hour")
  func bounded() {
    var trials = DamageTrials(patience: 30 * Self.second)
    for number in 0..<10_000 {
      _ = trials.meets(subject(Int64(number)), at: Int64(number) * 20 * Self.second)
      if number == 1_000 { #expect(trials.count <= 181) }
    }
    let last: Int64 = 200_000 * Self.second
    for number in 0..<10_000 { _ = trials.meets(subject(Int64(number)), at: last) }
    #expect(trials.count == DamageTrials.capacity)
    let tenthLook = trials.isWidespread(at: last + 3_600 * Self.second)
    #expect(!tenthLook)
    #expect(trials.isEmpty)
  }
}
