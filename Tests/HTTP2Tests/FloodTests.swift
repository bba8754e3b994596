import HTTP2
import Testing

@Suite("A server's session in a flood")
struct FloodTests {
  let server: Peer

  init() throws {
    server = try Peer(.server)
    server.receive(RawFrame.preface + RawFrame.request(1))
    _ = server.output()
  }

  /// Sends the frame until the session ends, and says how often it was taken.
  private func repeatedly(_ frame: (Int) -> [UInt8], limit: Int = 20_000) -> Int {
    for count in 0..<limit {
      server.receive(frame(count))
      _ = server.output()
      if server.error != nil || server.session.isFinished { return count }
    }
    return limit
  }

  @Test(
    "ends a connection that sends frames without any use, after a burst of 1,000",
    arguments: [
      RawFrame.data(1), RawFrame.data(1, padding: 200), RawFrame.ping,
      RawFrame.windowUpdate(0, 1), RawFrame.windowUpdate(1, 1),
      RawFrame.frame(type: 2, stream: 1, payload: [0, 0, 0, 0, 1]),
      RawFrame.frame(type: 0xbe, payload: [1, 2, 3]), RawFrame.reset(1),
      RawFrame.data(1, [], padding: 0),
    ])
  func uselessFrames(frame: [UInt8]) {
    let taken = repeatedly { _ in frame }
    #expect(taken >= 900 && taken <= 1_100)
    #expect(server.error?.reason == .flood && server.error?.code == .enhanceYourCalm)
    #expect(server.session.isFinished)
  }

  @Test("bears as many WINDOW_UPDATEs and PINGs as its traffic explains")
  func usefulTraffic() throws {
    let payload = [UInt8](repeating: 1, count: 1_000)
    for _ in 0..<20_000 {
      server.receive(RawFrame.data(1, payload) + RawFrame.windowUpdate(0, 1) + RawFrame.ping)
      _ = server.output()
    }
    #expect(server.error == nil)
  }

  @Test("ends a connection that sends SETTINGS more than 10 times a minute")
  func settingsFlood() {
    let taken = repeatedly { _ in RawFrame.settings([(id: 4, value: 100)]) }
    #expect(taken == 9)  // The preface had one.
    #expect(server.error?.code == .enhanceYourCalm)
  }

  @Test("bears SETTINGS every six seconds")
  func slowSettings() {
    for second in stride(from: UInt64(6), to: 600, by: 6) {
      server.receive(RawFrame.settings(), now: second * 1_000_000_000)
      _ = server.output(now: second * 1_000_000_000)
    }
    #expect(server.error == nil)
  }

  @Test("ends a connection that resets its own streams by the thousand (CVE-2023-44487)")
  func rapidReset() {
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      return RawFrame.request(id) + RawFrame.reset(id)
    }
    #expect(taken >= 900 && taken <= 1_350)
    #expect(server.session.isFinished)
  }

  @Test("ends a connection that makes it reset streams by the thousand (CVE-2025-8671)")
  func madeYouReset() {
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      // The stream's window exceeds 2^31 - 1: a stream error (RFC 9113 section 6.9.1).
      return RawFrame.request(id) + RawFrame.windowUpdate(id, 0x7fff_ffff)
        + RawFrame.windowUpdate(id, 0x7fff_ffff)
    }
    #expect(taken < 1_100)
    #expect(server.session.failure?.reason == .flood)
  }

  @Test("bears a client whose streams it refuses, in turn, also when the client resets them, too")
  func refusedStreams() {
    server.onOpen = { $0.stream?.reset(.refusedStream) }
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      return RawFrame.request(id) + (count % 2 == 0 ? [] : RawFrame.reset(id))
    }
    #expect(taken == 20_000 && server.error == nil)
    // 5,000 at once and a second: 20,000 of them take three.
    let end = server.session.pauseEnd(now: 0)
    #expect(end.map { $0 / 1_000_000 } == 3_000)
    #expect(server.session.pauseEnd(now: 3_001_000_000) == nil)
  }

  @Test("does not bear refusals of a client whose hasty resets led to them")
  func refusedAfterResets() {
    server.onOpen = { if $0.stream?.id ?? 0 > 1_200 { $0.stream?.reset(.refusedStream) } }
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      return RawFrame.request(id) + (id > 1_200 ? [] : RawFrame.reset(id))
    }
    #expect(taken >= 990 && taken <= 1_010)
    #expect(server.session.failure?.reason == .flood)
  }

  @Test(
    "bears, in turn, resets of streams whose deadline is near or over, and no others",
    arguments: [(1_000_000, 20_000), (2_999_000_000, 20_000), (3_000_000_001, 1_000)])
  func deadlines(timeout: UInt64, limit: Int) {
    server.onOpen = { $0.stream?.deadline = timeout }
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      return RawFrame.request(id) + RawFrame.reset(id)
    }
    #expect(taken == limit && (server.error == nil) == (limit == 20_000))
    #expect((server.session.pauseEnd(now: 0) != nil) == (limit == 20_000))
  }

  @Test("counts one as five for which work was begun")
  func begunWork() {
    server.onOpen = {
      $0.stream?.deadline = 1_000_000
      $0.stream?.hasBegunWork = true
    }
    let taken = repeatedly(
      { count in
        let id = UInt32(count * 2 + 3)
        return RawFrame.request(id) + RawFrame.reset(id)
      }, limit: 4_000)
    #expect(taken == 4_000 && server.session.pauseEnd(now: 0).map { $0 / 1_000_000 } == 3_000)
  }

  @Test("counts resets that it is made to send, however near the deadline is (CVE-2025-8671)")
  func madeYouResetInTime() {
    server.onOpen = { $0.stream?.deadline = 1_000_000 }
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      return RawFrame.request(id) + RawFrame.windowUpdate(id, 0x7fff_ffff)
        + RawFrame.windowUpdate(id, 0x7fff_ffff)
    }
    #expect(taken < 1_100)
    #expect(server.session.failure?.reason == .flood)
  }

  @Test("takes no more than its share from a client that gives its streams a millisecond each")
  func endlessDeadlines() {
    var now: UInt64 = 0
    server.onOpen = { $0.stream?.deadline = now + 1_000_000 }
    var taken = 0
    while now < 10_000_000_000 {
      let ids = (0..<500).map { UInt32((taken + $0) * 2 + 3) }
      server.receive(ids.flatMap { RawFrame.request($0) + RawFrame.reset($0) }, now: now)
      taken += ids.count
      _ = server.output(now: now)
      now = server.session.pauseEnd(now: now) ?? now
    }
    #expect(taken >= 54_000 && taken <= 56_000 && server.error == nil)
  }

  @Test("bears resets that cross the end of their streams")
  func crossingResets() {
    server.onOpen = { $0.stream?.submitResponse([":status": "200"], hasBody: false) }
    let taken = repeatedly { count in
      let id = UInt32(count * 2 + 3)
      return (count == 0 ? [] : RawFrame.reset(id - 2)) + RawFrame.request(id, end: true)
    }
    #expect(taken == 20_000 && server.error == nil && server.session.pauseEnd(now: 0) == nil)
  }

  @Test("tells the client with GOAWAY why it ends the connection")
  func goAwayCode() throws {
    let client = try Peer(.client)
    var limits = SessionSettings()
    limits.floods.uselessFrames = Rate(burst: 3, perSecond: 0)
    let server = try Peer(.server, settings: limits)
    exchange(client, server)
    for number in 0..<10 { client.session.submitPing(payload: UInt64(number)) }
    exchange(client, server)
    #expect(client.goAways.first?.code == .enhanceYourCalm)
  }

  @Test("ends a header block of very many frames (CVE-2024-28182)", arguments: [1, 1_024])
  func continuationFlood(size: Int) {
    server.receive(RawFrame.frame(type: 1, flags: 0, stream: 3, payload: [0x83, 0x86, 0x84]))
    let payload = [UInt8](repeating: 0x83, count: size)
    let taken = repeatedly({ _ in RawFrame.frame(type: 9, stream: 3, payload: payload) })
    #expect(taken <= 1_024)
    #expect(server.error?.reason == .flood)
    #expect(server.session.isFinished && server.calls.count == 1)
  }

  @Test("ends a connection that sends its data byte by byte")
  func singleBytes() {
    let taken = repeatedly { _ in RawFrame.data(1, [1]) }
    #expect(taken >= 900 && taken <= 1_100)
  }

  @Test("bears any number of small requests in one read, and what acknowledges the answers")
  func manyRequests() throws {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 10_000
    let server = try Peer(.server, settings: settings)
    server.onOpen = { $0.answer([1]) }
    let ids = (0..<5_000).map { UInt32($0 * 2 + 1) }
    server.receive(
      RawFrame.preface + ids.flatMap { RawFrame.request($0) + RawFrame.data($0, [1], end: true) })
    _ = server.output()
    server.receive(ids.flatMap { RawFrame.windowUpdate($0, 1) + RawFrame.windowUpdate(0, 1) })
    #expect(server.error == nil && server.calls.count == 5_000)
    _ = server.output()
    // Nothing of that is saved.
    for second in 1...20 {
      server.receive(RawFrame.frame(type: 0xbe), now: UInt64(second) * 1_000_000_000)
    }
    server.receive(ids.flatMap { _ in RawFrame.ping }, now: 20_000_000_000)
    #expect(server.error?.reason == .flood)
  }

  @Test("refuses SETTINGS with more than 32 entries")
  func settingsEntries() {
    let entries = (0..<33).map { _ in (id: UInt16(4), value: UInt32(100)) }
    server.receive(RawFrame.settings(entries))
    #expect(server.output().containsFrame(type: 7) && server.session.isFinished)
  }

  @Test("says that its output is congested when a client takes no answers")
  func outputCongestion() {
    var settings = SessionSettings()
    settings.floods.maxQueuedFrames = 50
    guard let server = try? Peer(.server, settings: settings) else { return }
    server.receive(RawFrame.preface)
    for _ in 0..<60 { server.receive(RawFrame.ping) }
    #expect(server.session.isOutputCongested)
    _ = server.output()
    #expect(!server.session.isOutputCongested)
  }
}
