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
    #expect(trials.meets(subject(1), at: 2_000 * Self.second) == .mayPass)
  }

  @Test("Five machines within a minute are the database's trouble, and no trial goes on meanwhile")
  func widespread() {
    var trials = DamageTrials(patience: 30 * Self.second)
    for number in 0..<4 {
      #expect(trials.meets(subject(Int64(number)), at: 0) == .mayPass)
    }
    #expect(!trials.isWidespread(at: 0))
    for time in stride(from: 10, through: 300, by: 10) {
      for number in 0..<5 where number == 4 || time > 10 {
        #expect(
          trials.meets(subject(Int64(number)), at: Int64(time) * Self.second) == .isWidespread)
      }
    }
    #expect(trials.isWidespread(at: 359 * Self.second))
    #expect(!trials.isWidespread(at: 360 * Self.second))
    // The time before does not count.
    #expect(trials.meets(subject(0), at: 361 * Self.second) == .mayPass)
  }

  @Test("Any number of machines leaves no more behind than those of a few minutes")
  func bounded() {
    var trials = DamageTrials(patience: 30 * Self.second)
    for number in 0..<1_000 {
      let verdict = trials.meets(subject(Int64(number)), at: Int64(number) * 20 * Self.second)
      #expect(verdict == .mayPass)
    }
    #expect(trials.count <= 30)
  }
}
