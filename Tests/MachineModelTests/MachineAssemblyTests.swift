import Testing

@testable import MachineModel

@Suite("Putting an imported machine together")
struct MachineAssemblyTests {
  private static let now = Timestamp(microseconds: 1_800_000_000_000_000)
  private static let limits = MachineAssembly.Limits(
    contentBytes: 100, argsBytes: 60, bytes: 100_000, timerDistance: 1_000_000_000)

  private static let head = PortableMachine(id: "m", createdAt: now, lastEventID: 2)

  private static func event(_ id: Int64, _ microseconds: Int64 = 0, bytes: Int = 0) -> Event {
    Event(
      id: id, createdAt: now.advanced(byMicroseconds: microseconds),
      body: Content(data: [UInt8](repeating: 1, count: bytes)))
  }

  private static func add(_ parts: [MachinePart]) throws(ProgressorError) -> ImportedMachine {
    var assembly = MachineAssembly(limits: limits, now: now)
    for (index, part) in parts.enumerated() { try assembly.add(part, field: "parts[\(index)]") }
    return try assembly.machine()
  }

  private static func refusal(_ parts: MachinePart...) -> String {
    do throws(ProgressorError) {
      _ = try add(parts)
      return ""
    } catch {
      #expect(error.code == .invalidArgument)
      return error.message
    }
  }

  private static func head(_ change: (inout PortableMachine) -> Void) -> MachinePart {
    var head = PortableMachine(id: "m", createdAt: now)
    change(&head)
    return .head(head)
  }

  @Test("pieces of any size make the machine")
  func together() throws {
    let machine = try Self.add([
      .head(Self.head), .events([]), .events([Self.event(1)]),
      .notifications([PortableNotification(acceptedAt: .earliest, args: [1])]),
      .events([Self.event(2, 5, bytes: 100)]), .end(MachineEnd(id: "m")),
    ])
    #expect(machine.events.map(\.id) == [1, 2] && machine.notifications.count == 1)
  }

  @Test("the first time of all is a time: what Go writes for none")
  func earliest() throws {
    let machine = try Self.add([
      Self.head {
        $0.createdAt = .earliest
        $0.timer = PortableTimer(firesAt: .earliest)
      }, .end(MachineEnd(id: "m")),
    ])
    #expect(machine.head.timer?.firesAt == .earliest)
  }

  @Test("what is out of order is refused with its path")
  func order() {
    let end = MachinePart.end(MachineEnd(id: "m"))
    let head = MachinePart.head(Self.head)
    for (parts, path) in [
      ([.events([Self.event(1)])], "parts[0].events: comes before"),
      ([head, head], "parts[1].head: comes twice"),
      ([head, .events([Self.event(2)])], "parts[1].events[0].id: is 2, the next event is"),
      ([head, .events([Self.event(1), Self.event(1)])], "parts[1].events[1].id: is 1, the next"),
      ([head, .events([Self.event(1, 5), Self.event(2, 4)])], "parts[1].events[1].created_at: "),
      ([head, .events([Self.event(1, -1)])], "parts[1].events[0].created_at: lies before the"),
      ([head, .events((1...3).map { Self.event($0) })], "parts[1].events[2].id: is 3, last_"),
      ([head, .events([Self.event(1)]), end], "parts[2].end: comes behind 1 events"),
      ([head, .events([Self.event(1, 0, bytes: 101)])], "parts[1].events[0].body.data: is longer"),
      (
        [
          head,
          .notifications([
            PortableNotification(acceptedAt: Self.now, args: [UInt8](repeating: 1, count: 61))
          ]),
        ], "parts[1].notifications[0].args: are longer than 60 bytes"
      ),
      ([head], "parts: have no end"),
      ([head, .end(MachineEnd(id: "M"))], "parts[1].end.id: is of another"),
      ([head, .end(MachineEnd(id: "m", discarded: ""))], "parts[1].end: says that"),
      ([Self.head { $0.queuedNotifications = 1 }, end], "parts[1].end: comes behind 0 notif"),
      ([Self.head { _ in }, end, end], "parts[2]: stands behind"),
    ] as [([MachinePart], String)] {
      #expect(Self.words(parts).hasPrefix(path), "\(path): \(Self.words(parts))")
    }
  }

  private static func words(_ parts: [MachinePart]) -> String {
    do throws(ProgressorError) {
      _ = try add(parts)
      return ""
    } catch { return error.message }
  }

  @Test("values that no machine has are refused with their path")
  func values() {
    let far = Self.now.advanced(byMicroseconds: 2_000_000_000)
    let later = Self.now.advanced(byMicroseconds: 2 * MachineAssembly.clockDifference)
    func failed(_ change: (inout Failure) -> Void) -> MachinePart {
      var failure = Failure(
        reason: "", failedAt: Self.now, stepKind: .call, code: 13, attempts: 1)
      change(&failure)
      return Self.head { $0.failure = failure }
    }
    func timer(_ timer: PortableTimer) -> MachinePart { Self.head { $0.timer = timer } }
    func retry(_ attempt: Int32, _ code: Int32, _ next: Timestamp) -> MachinePart {
      timer(
        PortableTimer(
          firesAt: Self.now,
          retry: RetryState(
            attempt: attempt, nextAttemptAt: next, lastCode: code, lastMessage: "")))
    }
    for (part, path) in [
      (Self.head { $0.id = "" }, "id"), (Self.head { $0.id = "a\u{1}" }, "id"),
      (Self.head { $0.createdAt = later }, "created_at"), (Self.head { $0.since = later }, "since"),
      (Self.head { $0.since = .earliest }, "since"), (Self.head { $0.lastEventID = -1 }, "last_"),
      (Self.head { $0.queuedNotifications = -1 }, "queued_notifications"),
      (failed { $0.code = 0 }, "failed.code"), (failed { $0.code = 17 }, "failed.code"),
      (failed { $0.attempts = -1 }, "failed.attempts"),
      (failed { $0.stepKind = .dropNotification }, "failed.step_kind"),
      (failed { $0.failedAt = later }, "failed.failed_at"),
      (failed { $0.step = String(repeating: "s", count: 257) }, "failed.step"),
      (Self.head { $0.pause = Pause(pausedAt: later, reason: "") }, "paused.paused_at"),
      (
        Self.head {
          $0.pause = Pause(
            pausedAt: Self.now, reason: "", principal: String(repeating: "p", count: 257))
        }, "paused.principal"
      ),
      (timer(PortableTimer(firesAt: far)), "timer.fires_at"),
      (
        timer(PortableTimer(firesAt: Self.now, metadata: [.init(name: "a", value: "")])),
        "timer.metadata[0].name"
      ),
      (
        timer(
          PortableTimer(
            firesAt: Self.now,
            metadata: [.init(name: "x-a", value: String(repeating: "v", count: 5_000))])),
        "timer.metadata"
      ), (retry(0, 14, Self.now), "timer.attempts.attempt"),
      (retry(1, 17, Self.now), "timer.attempts.last_code"),
      (retry(1, 14, far), "timer.attempts.next_attempt_at"),
    ] {
      let words = Self.refusal(part)
      #expect(words.hasPrefix("parts[0].head.\(path)"), "\(path): \(words)")
    }
  }

  @Test("a machine has a bound, and what it counts to is not less than it holds")
  func bound() {
    let head = PortableMachine(id: "m", createdAt: Self.now, lastEventID: 1_000)
    let events = (1...1_000).map { Self.event(Int64($0), bytes: 50) }
    #expect(Self.refusal(.head(head), .events(events)).contains("limits.import_size"))
    let large = CallerContext.Entry(name: "x-a", value: String(repeating: "v", count: 4_000))
    let notifications = (0..<30).map { _ in
      PortableNotification(acceptedAt: Self.now, metadata: [large])
    }
    #expect(Self.refusal(.head(head), .notifications(notifications)).contains("limits.import_size"))
  }
}
