import MachineModel
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("Those who wait for something to do")
struct DoorbellTests {
  @Test("A ring that comes before the wait is not lost, and many are one")
  func before() async {
    let doorbell = Doorbell()
    doorbell.ring()
    doorbell.ring()
    await doorbell.wait()
    let waiter = Task { await doorbell.wait() }
    doorbell.ring()
    await waiter.value
  }

  private final class Passed: Sendable {
    let inside = Atomic<Int>(0)
    let numbers = Mutex<[Int]>([])
  }

  @Test("One passes at a time, also after one that failed")
  func turnstile() async {
    let (turnstile, passed) = (Turnstile(), Passed())
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<100 {
        group.addTask { await Self.pass(turnstile, number, passed) }
      }
      await group.waitForAll()
    }
    #expect(passed.numbers.withLock { Set($0) }.count == 100)
  }

  private static func pass(_ turnstile: Turnstile, _ number: Int, _ passed: Passed) async {
    do throws(ProgressorError) {
      try await turnstile.pass { () async throws(ProgressorError) in
        let count = passed.inside.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
        #expect(count == 1)
        await Task.yield()
        passed.inside.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        passed.numbers.withLock { $0.append(number) }
        if number.isMultiple(of: 7) { throw ProgressorError.storageUnavailable }
      }
    } catch { #expect(error.code == .unavailable) }
  }
}
