import Testing

@testable import ProgressorServer

@Suite("What a service manager is told")
struct ServiceNoticesTests {
  /// What waits, in order, as if the manager read it all now.
  private func taken(_ notices: inout ServiceNotices) -> [String] {
    var taken: [String] = []
    while let next = notices.next {
      taken.append(next)
      notices.sentNext()
    }
    return taken
  }

  @Test("Ready once, reloads in between, the stop last")
  func life() {
    var notices = ServiceNotices()
    #expect(notices.isInTransition)
    notices.started()
    notices.started()
    #expect(notices.isReady)
    notices.reloadBegan(at: 17)
    notices.reloadEnded()
    notices.stopping()
    notices.stopping()
    #expect(
      taken(&notices) == ["READY=1", "RELOADING=1\nMONOTONIC_USEC=17", "READY=1", "STOPPING=1"])
    #expect(!notices.isReady && notices.isInTransition)
  }

  @Test("A reload before the start is over, or after the stop has begun, makes nobody ready")
  func early() {
    var notices = ServiceNotices()
    notices.reloadBegan(at: 1)
    notices.reloadEnded()
    #expect(notices.next == nil)
    notices.stopping()
    notices.started()
    notices.reloadBegan(at: 2)
    notices.reloadEnded()
    #expect(taken(&notices) == ["STOPPING=1"])
  }

  @Test("What waits for a manager that does not read has a bound, and its end is what is so")
  func bound() {
    var notices = ServiceNotices()
    notices.started()
    for time in 0..<1_000 {
      notices.reloadBegan(at: UInt64(time))
      notices.reloadEnded()
    }
    notices.stopping()
    let taken = taken(&notices)
    #expect(taken.count <= ServiceNotices.maximumWaiting)
    #expect(taken.suffix(2) == ["READY=1", "STOPPING=1"])
  }

  @Test("A status is told when it changes; a line's end in it begins nothing")
  func status() {
    var notices = ServiceNotices()
    #expect(notices.news(of: "a\nREADY=1") == "STATUS=a READY=1")
    notices.told("a\nREADY=1")
    #expect(notices.news(of: "a\nREADY=1") == nil)
    #expect(notices.news(of: "b") == "STATUS=b")
    let long = notices.news(of: String(repeating: "é", count: 10_000))
    #expect(long?.utf8.count == "STATUS=".utf8.count + ServiceNotices.maximumStatusBytes)
  }

  @Test("The environment says where, and whether somebody wants to hear that it lives")
  func invitation() {
    func watchdog(_ environment: [String: String]) -> Int64? {
      ServiceManager.Invitation(environment: environment, processID: 7).watchdog
    }
    #expect(watchdog(["WATCHDOG_USEC": "3000000"]) == 3_000_000)
    #expect(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"]) == 3_000_000)
    #expect(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"]) == nil)
    #expect(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "x"]) == nil)
    for text in ["", "0", "-1", "soon", "99999999999999999999"] {
      #expect(watchdog(["WATCHDOG_USEC": text]) == nil)
    }
    let none = ServiceManager.Invitation(environment: ["NOTIFY_SOCKET": ""], processID: 7)
    #expect(none.socket == nil)
  }

  @Test("A socket has an absolute path or an abstract name that fits")
  func addresses() {
    for name in ["relative", "", "/", "@", "vsock:1:2", "/\(String(repeating: "x", count: 107))"] {
      #expect(NotifySocket(name) == nil, "\(name)")
    }
    #expect(NotifySocket("/\(String(repeating: "x", count: 106))") != nil)
    #expect(NotifySocket("@x") != nil)
    guard case .failed = NotifySocket("/nowhere/x")?.send("READY=1") else {
      Issue.record("nobody is there")
      return
    }
  }
}
