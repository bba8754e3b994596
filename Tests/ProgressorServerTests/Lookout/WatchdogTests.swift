import MachineModel
import ProgressorEngine
import ProgressorStorage
import Testing

@testable import ProgressorServer

@Suite("The watchdog")
struct WatchdogTests {
  private static let beginning: Int64 = 1_700_000_000_000_000

  /// A watchdog that looks every five seconds.
  private struct Looks {
    var watchdog = Watchdog()
    var seconds: Int64 = 0

    mutating func look(_ finding: Watchdog.Finding...) -> [Watchdog.Report] {
      seconds += 5
      return watchdog.look(finding, at: WatchdogTests.moment(seconds))
    }
  }

  private static func moment(_ seconds: Int64) -> Moment {
    Moment(
      wall: Timestamp(microseconds: beginning + seconds * 1_000_000), uptime: seconds * 1_000_000)
  }

  private static func machine(_ id: String, due seconds: Int64) -> LateMachine {
    LateMachine(
      namespace: NamespaceNumber(1), machine: MachineID(namespace: "n", id: id),
      due: moment(seconds).wall)
  }

  private static func finding(
    held: Bool = false, late: [LateMachine]? = [], request: Int64? = nil
  ) -> Watchdog.Finding {
    Watchdog.Finding(
      number: NamespaceNumber(1), name: "n", isHeld: held, late: late,
      oldestRequest: request.map { $0 * 1_000_000 })
  }

  @Test("speaks of a machine that the engine forgot when it is ten seconds late, and of its end")
  func forgotten() {
    var looks = Looks()
    let late = Self.finding(late: [Self.machine("m", due: 0)])
    #expect(looks.look(late) == [])
    #expect(
      looks.look(late)
        == [.began(namespace: "n", Watchdog.Lateness(age: 10_000_000, machine: "m"))])
    #expect(looks.watchdog.late == [NamespaceNumber(1): 10_000_000])
    #expect(looks.look(late) == [])
    #expect(looks.look(Self.finding()) == [.ended(namespace: "n", after: 10_000_000)])
    #expect(looks.watchdog.late == [:])
    #expect(looks.look(Self.finding()) == [])
  }

  @Test("repeats itself once a minute")
  func eachMinute() {
    var looks = Looks()
    let late = Self.finding(late: [Self.machine("m", due: -100)])
    var reports: [Watchdog.Report] = []
    for _ in 1...30 { reports += looks.look(late) }
    // It began with the second look, after ten seconds.
    let ages: [Int64] = [110, 170, 230]
    let all = ages.map { Watchdog.Lateness(age: $0 * 1_000_000, machine: "m") }
    #expect(
      reports == [
        .began(namespace: "n", all[0]), .lasts(namespace: "n", all[1]),
        .lasts(namespace: "n", all[2]),
      ])
  }

  @Test("does not speak of a machine that was late once: its step may have just ended")
  func once() {
    var looks = Looks()
    for number in 0..<10 {
      let late = Self.finding(late: [Self.machine("m\(number)", due: -60)])
      #expect(looks.look(late) == [])
    }
  }

  @Test("speaks at once of a request that the engine says waits")
  func request() {
    var looks = Looks()
    #expect(looks.look(Self.finding(request: -4)) == [])
    #expect(
      looks.look(Self.finding(request: -4))
        == [.began(namespace: "n", Watchdog.Lateness(age: 14_000_000, isRequest: true))])
  }

  @Test("is silent while a pause or a dead endpoint holds back, and for ten seconds afterwards")
  func held() {
    var looks = Looks()
    let due = [Self.machine("m", due: -3_600)]
    for _ in 1...5 {
      #expect(looks.look(Self.finding(held: true, late: due)) == [])
    }
    #expect(looks.look(Self.finding(late: due)) == [])
    let began = looks.look(Self.finding(late: due))
    #expect(began == [.began(namespace: "n", Watchdog.Lateness(age: 10_000_000, machine: "m"))])
    let ended = looks.look(Self.finding(held: true, late: due))
    #expect(ended == [.ended(namespace: "n", after: 5_000_000)])
  }

  @Test("takes back nothing that the rows said while they cannot be read")
  func blind() {
    var looks = Looks()
    let late = Self.finding(late: [Self.machine("m", due: -60)])
    _ = looks.look(late)
    #expect(looks.look(late).count == 1)
    for _ in 1...3 { #expect(looks.look(Self.finding(late: nil)) == []) }
    #expect(looks.watchdog.late.count == 1)
    #expect(looks.look(Self.finding()).count == 1)
  }

  @Test("forgets namespaces that are gone, and takes any time for a due time")
  func edges() {
    var looks = Looks()
    let zero = LateMachine(
      namespace: NamespaceNumber(1), machine: MachineID(namespace: "n", id: "m"), due: .earliest)
    _ = looks.look(Self.finding(late: [zero]))
    #expect(looks.look(Self.finding(late: [zero])).count == 1)
    #expect(looks.look() == [])
    #expect(looks.watchdog.late == [:])
    #expect(looks.look(Self.finding()) == [])
  }
}
