import NIOCore
import Testing

@testable import GRPC

@Suite("The lifetime of a connection")
struct ConnectionLifetimeTests {
  private func at(_ seconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(1_000_000_000) + .seconds(seconds)
  }

  private func open(
    jitter: Double = 0, _ change: (inout ConnectionLifetime.Limits) -> Void = { _ in }
  ) -> ConnectionLifetime {
    var limits = ConnectionLifetime.Limits()
    change(&limits)
    var lifetime = ConnectionLifetime(limits: limits, jitter: jitter, now: at(0))
    lifetime.completedHandshake()
    return lifetime
  }

  @Test("ends after 10 s without preface and SETTINGS, whatever bytes came")
  func handshake() {
    var lifetime = ConnectionLifetime(limits: .init(), jitter: 0, now: at(0))
    lifetime.received(now: at(9))
    #expect(lifetime.nextWakeup == at(10) && lifetime.wake(now: at(9)) == .none)
    #expect(lifetime.wake(now: at(10)) == .close(.handshakeTimeout))
    #expect(lifetime.wake(now: at(99)) == .none && lifetime.nextWakeup == nil)
  }

  @Test("pings after silence, and ends when nothing comes back")
  func keepalive() {
    var lifetime = open()
    lifetime.openedCall()
    lifetime.received(now: at(60))
    #expect(lifetime.nextWakeup == at(180) && lifetime.wake(now: at(179)) == .none)
    #expect(lifetime.wake(now: at(180)) == .ping && lifetime.wake(now: at(180)) == .none)
    #expect(lifetime.nextWakeup == at(200))
    lifetime.received(now: at(190))
    #expect(lifetime.wake(now: at(200)) == .none && lifetime.nextWakeup == at(310))
    #expect(lifetime.wake(now: at(310)) == .ping)
    #expect(lifetime.wake(now: at(330)) == .close(.keepaliveTimeout))
  }

  @Test("is not judged by a PING while the client does not take what waits for it")
  func standstill() {
    var lifetime = open()
    lifetime.openedCall()
    #expect(lifetime.wake(now: at(120)) == .ping)
    lifetime.setStandstill(true, now: at(130))
    #expect(lifetime.nextWakeup == nil && lifetime.wake(now: at(500)) == .none)
    lifetime.setStandstill(true, now: at(600))
    lifetime.setStandstill(false, now: at(610))
    #expect(lifetime.nextWakeup == at(630) && lifetime.wake(now: at(629)) == .none)
    // It takes and says nothing: no further standstill comes to its help.
    #expect(lifetime.wake(now: at(630)) == .close(.keepaliveTimeout))
  }

  @Test("is asked to end after 5 min without calls, counted from the last one")
  func idle() {
    var lifetime = open { $0.keepaliveInterval = nil }
    lifetime.openedCall()
    lifetime.openedCall()
    lifetime.closedCall(now: at(100))
    #expect(lifetime.nextWakeup == nil)
    lifetime.closedCall(now: at(200))
    #expect(lifetime.nextWakeup == at(500) && lifetime.wake(now: at(499)) == .none)
    #expect(lifetime.wake(now: at(500)) == .announceShutdown)
  }

  @Test("has a highest age, moved by chance by 10 % at most", arguments: [-1.0, 0, 1, 99])
  func age(jitter: Double) {
    var lifetime = open(jitter: jitter) {
      $0.maxAge = .seconds(1_000)
      $0.keepaliveInterval = nil
    }
    lifetime.openedCall()
    let end = at(1_000 + Int64(100 * min(jitter, 1)))
    #expect(lifetime.nextWakeup == end)
    #expect(lifetime.wake(now: end) == .announceShutdown)
  }

  @Test("ends in two steps and a grace: announcement, its answer, the final word, the cut")
  func shutdown() {
    var lifetime = open()
    #expect(lifetime.openedStream(7) == true)
    #expect(lifetime.shutDown(now: at(5)) == .announceShutdown)
    let payload = ConnectionLifetime.shutdownPayload
    lifetime.receivedPingAcknowledgement(payload: payload)
    #expect(lifetime.endedRead() == .none, "the PING was not sent")
    #expect(lifetime.sentAnnouncement() == .confirmShutdown)
    #expect(lifetime.sentAnnouncement() == .none)
    lifetime.receivedPingAcknowledgement(payload: 1)
    #expect(lifetime.endedRead() == .none)
    lifetime.receivedPingAcknowledgement(payload: payload)
    #expect(lifetime.openedStream(9) == true)
    #expect(lifetime.endedRead() == .refuseNewCalls(lastStream: 9))
    #expect(lifetime.endedRead() == .none)
    #expect(lifetime.openedStream(11) == false)
    #expect(lifetime.nextWakeup == at(35) && lifetime.wake(now: at(34)) == .none)
    #expect(lifetime.wake(now: at(35)) == .close(.graceExpired))
  }

  @Test("does not wait longer than a second for the answer to the announcement")
  func unansweredAnnouncement() {
    var lifetime = open()
    _ = lifetime.shutDown(now: at(5))
    #expect(lifetime.nextWakeup == at(6))
    #expect(lifetime.wake(now: at(6)) == .refuseNewCalls(lastStream: 0))
    #expect(lifetime.sentAnnouncement() == .none)
    #expect(lifetime.openedStream(1) == false)
    #expect(lifetime.nextWakeup == at(35))
  }

  @Test("takes the shorter grace when it is asked to end twice")
  func shorterGrace() {
    var lifetime = open()
    _ = lifetime.shutDown(now: at(5))
    #expect(lifetime.shutDown(grace: .seconds(2), now: at(6)) == .none)
    #expect(lifetime.shutDown(grace: .seconds(90), now: at(6)) == .none)
    #expect(lifetime.wake(now: at(7)) == .refuseNewCalls(lastStream: 0))
    #expect(lifetime.wake(now: at(8)) == .close(.graceExpired))
  }

  @Test("bears two PINGs that come too early; the third ends it (gRFC A8)")
  func pingStrikes() {
    var lifetime = open()
    #expect(lifetime.receivedPing(now: at(0)) == .none)
    #expect(lifetime.receivedPing(now: at(299)) == .none)
    #expect(lifetime.receivedPing(now: at(300)) == .none)
    #expect(lifetime.receivedPing(now: at(600)) == .none)
    #expect(lifetime.receivedPing(now: at(601)) == .close(.tooManyPings))
    #expect(lifetime.openedStream(1) == false, "what comes behind the last one is not served")
  }

  @Test("lets a client ping more often while it has calls, and after we sent something")
  func pingsWithCalls() {
    var lifetime = open()
    lifetime.openedCall()
    for second in stride(from: Int64(0), to: 1_000, by: 10) {
      #expect(lifetime.receivedPing(now: at(second)) == .none)
    }
    for _ in 0..<100 {
      lifetime.sentCallFrames()
      #expect(lifetime.receivedPing(now: at(1_000)) == .none)
    }
  }

  @Test("needs no timer for rules that are switched off")
  func switchedOff() {
    let lifetime = open {
      $0.keepaliveInterval = nil
      $0.maxIdle = nil
    }
    #expect(lifetime.nextWakeup == nil)
  }
}
