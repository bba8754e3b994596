import Kafka
import Testing

@testable import ProgressorSinks

@Suite struct KafkaCourseTests {
  private let course = KafkaCourse { _ in }

  private func report(_ delivery: UInt32, _ index: Int) -> KafkaReport {
    KafkaReport(number: KafkaCourse.number(delivery, index))
  }

  @Test func aDeliveryHearsOfItsOwnRecords() async {
    let (delivery, reports) = course.begin()
    course.tell(.reports([report(delivery, 0), report(delivery, 4_000_000_000)]))
    course.end()
    var heard: [Int] = []
    for await reports in reports { heard += reports.map(\.index) }
    #expect(heard == [0, 4_000_000_000])
  }

  @Test func whatIsToldLateOfAnEarlierOneReachesNobody() async {
    let (earlier, before) = course.begin()
    let (delivery, reports) = course.begin()
    course.tell(.reports([report(earlier, 1), report(delivery, 2)]))
    course.end()
    course.tell(.reports([report(delivery, 3)]))
    var heard: [Int] = []
    for await reports in before { heard += reports.map(\.index) }
    for await reports in reports { heard += reports.map(\.index) }
    #expect(heard == [2])
  }

  @Test func whatIsWrongIsRememberedByItsCause() {
    let before = ContinuousClock.now
    #expect(course.trouble(since: before) == nil)
    let refused = KafkaError(KafkaError.Code(rawValue: -195), "connection refused")
    course.tell(.failed(refused))
    course.tell(.failed(KafkaError(.allBrokersDown)))
    #expect(course.trouble(since: before) == refused)
    #expect(course.trouble(since: .now + .seconds(1)) == nil)
  }

  @Test func aLineOfTheLogIsHarmless() async {
    let (lines, continuation) = AsyncStream.makeStream(of: String.self)
    let course = KafkaCourse { continuation.yield($0) }
    course.tell(.failed(KafkaError(.timedOut, "a\u{1B}[2Jb\nc")))
    continuation.finish()
    for await line in lines { #expect(line == "a [2Jb c (_MSG_TIMED_OUT)") }
  }
}
