import HTTP2

@testable import GRPC

extension FuzzTarget {
  /// Frames into a session that is a server's.
  static let serverSession = FuzzTarget(
    name: "http2-server", maximumBytes: 4_096, seeds: { SessionCheck.serverSeeds },
    check: .atOnce { try SessionCheck(.server, $0).run() })

  /// Frames into a session that is a client's, which has three requests under way.
  static let clientSession = FuzzTarget(
    name: "http2-client", maximumBytes: 4_096, seeds: { SessionCheck.clientSeeds },
    check: .atOnce { try SessionCheck(.client, $0).run() })
}

/// Two bytes say what this side does and how the bytes are cut; the rest is the other side's.
private struct SessionCheck {
  private static let answers: UInt8 = 3
  private static let saysPreface: UInt8 = 16

  private let role: Session.Role
  private let habits: SessionPeer.Habits
  private let cut: UInt8
  private let whole: ArraySlice<UInt8>
  private let pieces: [ArraySlice<UInt8>]

  init(_ role: Session.Role, _ input: [UInt8]) {
    self.role = role
    var input = FuzzInput(input)
    habits = SessionPeer.Habits(bits: input.byte())
    cut = input.byte()
    if role == .server, habits.bits & Self.saysPreface != 0 {
      let preface = WireBytes.clientPreface + WireBytes.settings
      input = FuzzInput(preface + input.rest)
    }
    whole = input.rest
    pieces = input.pieces(by: cut)
  }

  func run() throws {
    try compare()
    try converse()
  }

  /// Small limits, so that inputs reach them.
  private var settings: SessionSettings {
    var settings = SessionSettings()
    settings.maxConcurrentStreams = 8
    settings.initialWindowSize = 65_535
    settings.connectionWindowSize = 65_535
    settings.headers.keptListSize = 512
    settings.headers.listSize = 2_048
    settings.headers.announcedListSize = 512
    if role == .client { settings.headers = ResponseFields.limits(keeping: 512) }
    settings.floods.resets = Rate(burst: 20, perSecond: 1)
    settings.floods.uselessFrames = Rate(burst: 50, perSecond: 1)
    return settings
  }

  /// However the bytes are cut, they mean the same. Floods are judged once for all that a read
  /// brings, so that a flood may be one in pieces only, or whole only.
  private func compare() throws {
    let one = try SessionPeer(role, settings: settings, habits: habits)
    if role == .client { _ = one.output(now: 0) }
    one.receive(whole, now: 0)
    let other = try SessionPeer(role, settings: settings, habits: habits)
    if role == .client { _ = other.output(now: 0) }
    for piece in pieces { other.receive(piece, now: 0) }
    let outputs = (one.output(now: 0), other.output(now: 0))
    let failures = [one.failure, other.failure]
    if failures.contains(where: { $0?.reason == .flood }) {
    } else if other.failure == nil, other.session.isFinished {
      // Behind a GOAWAY that leaves nothing open only what came with it is looked at.
      try demand(
        one.events.starts(with: other.events), "\(one.events)\nin pieces:\n\(other.events)")
    } else {
      try demand(
        one.failure?.reason == other.failure?.reason,
        "whole: \(text(one.failure)), in pieces: \(text(other.failure))")
      if one.failure == nil {
        try demand(one.events == other.events, "\(one.events)\nin pieces:\n\(other.events)")
        try demand(
          (one.session.unfinishedFrame == nil) == (other.session.unfinishedFrame == nil),
          "a frame is unfinished in pieces or whole only")
        try demand(outputs.0 == outputs.1, "\(outputs.0) is said, in pieces \(outputs.1)")
      }
    }
    try one.close()
    try other.close()
  }

  private func text(_ failure: HTTP2Error?) -> String { failure.map { "\($0)" } ?? "no error" }

  /// With answers in between, nothing grows beyond its bound.
  private func converse() throws {
    let peer = try SessionPeer(role, settings: settings, habits: habits)
    var sent = peer.output(now: 0).count
    for (index, piece) in pieces.enumerated() {
      let now = UInt64(index) * 1_000_000
      peer.receive(piece, now: now)
      if habits.leaves, index == pieces.count / 2 { peer.session.submitShutdownNotice() }
      sent += peer.output(now: now).count
      try checkBounds(of: peer)
    }
    let most = 16_384 + 64 * whole.count + peer.opened * (SessionPeer.bodySize + 512)
    try demand(sent <= most, "\(whole.count) bytes were answered by \(sent)")
    try checkHeaders(of: peer)
    if peer.failure != nil { try demand(peer.session.isFinished, "no end after an error") }
    try peer.close()
  }

  private func checkBounds(of peer: SessionPeer) throws {
    let session = peer.session
    let streams = Int(settings.maxConcurrentStreams) + SessionPeer.requestsOfClient
    try demand(session.openStreamCount <= streams, "\(session.openStreamCount) streams are open")
    let unconsumed = session.openStreams.reduce(0) { $0 + $1.unconsumedBytes }
    try demand(unconsumed <= 65_535, "\(unconsumed) bytes came into a window of 65,535")
  }

  private func checkHeaders(of peer: SessionPeer) throws {
    for event in peer.events {
      guard case .opened(_, let headers, _) = event else { continue }
      let kept = headers.reduce(0) { $0 + $1.name.count + $1.value.count + 32 }
      try demand(kept <= settings.headers.keptListSize, "\(kept) bytes of header fields are kept")
    }
  }
}

extension SessionCheck {
  static var serverSeeds: [[UInt8]] {
    let head: [UInt8] = [answers | saysPreface, 9]
    let call = WireBytes.call("/a/b", [("grpc-timeout", "1S"), ("x-bin", "AAEC")])
    let body = WireBytes.message([1, 2, 3])
    let long = WireBytes.call("/a/b", [("x-long", String(repeating: "a", count: 3_000))])
    return [
      head + WireBytes.headers(1, call) + WireBytes.data(1, end: true, body)
        + WireBytes.settingsAcknowledgement + WireBytes.headers(3, end: true, call),
      head + WireBytes.headers(1, call) + WireBytes.reset(1, 8) + WireBytes.ping
        + WireBytes.windowUpdate(0, 1_000) + WireBytes.goAway(0, 0),
      head + WireBytes.headers(1, end: true, long) + WireBytes.headers(3, end: true, call),
      head + WireBytes.frame(type: 1, flags: 1, stream: 1, Array(call.prefix(40)))
        + WireBytes.frame(type: 9, flags: 4, stream: 1, Array(call.dropFirst(40))),
      // Fields by HPACK's tables: indexed, added to the table, in Huffman code, a smaller table.
      head
        + WireBytes.headers(
          1, end: true,
          [
            0x83, 0x86, 0x84, 0x41, 0x8C, 0xF1, 0xE3, 0xC2, 0xE5, 0xF2, 0x3A, 0x6B, 0xA0, 0xAB,
            0x90,
          ]
            + [0xF4, 0xFF])
        + WireBytes.headers(3, end: true, [0x20, 0x83, 0x86, 0x84, 0x01, 0x01, 0x61]),
      head
        + WireBytes.frame(type: 4, [0, 3, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 9])
        + WireBytes.headers(1, end: true, call) + WireBytes.windowUpdate(1, 70_000)
        + WireBytes.data(5, [1]),
      [answers, 0] + WireBytes.clientPreface + WireBytes.settings,
      [0, 3] + Array("GET / HTTP/1.1\r\n\r\n".utf8),
    ]
  }

  static var clientSeeds: [[UInt8]] {
    let head: [UInt8] = [answers, 9]
    let fields = WireBytes.fields([(":status", "200"), ("content-type", "application/grpc")])
    let gzip = WireBytes.fields([
      (":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip"),
    ])
    let trailers = WireBytes.fields([
      ("grpc-status", "9"), ("grpc-message", "a%20b%C3%A9"), ("grpc-status-details-bin", "CAkSAWE"),
    ])
    let body = WireBytes.message([1, 2, 3])
    return [
      head + WireBytes.settings + WireBytes.settingsAcknowledgement + WireBytes.headers(1, fields)
        + WireBytes.data(1, body) + WireBytes.headers(1, end: true, trailers),
      head + WireBytes.settings
        + WireBytes.headers(3, end: true, WireBytes.fields([(":status", "503")]))
        + WireBytes.reset(5, 7) + WireBytes.goAway(1, 0) + WireBytes.ping,
      head + WireBytes.settings + WireBytes.headers(1, gzip)
        + WireBytes.data(1, WireBytes.message(FramingSeeds.gzip, isCompressed: true))
        + WireBytes.headers(1, end: true, trailers),
      head + WireBytes.settings
        + WireBytes.headers(1, WireBytes.fields([(":status", "103"), ("link", "a")]))
        + WireBytes.headers(1, fields) + WireBytes.data(1, end: true, body),
      head + WireBytes.frame(type: 4, [0, 3, 0, 0, 0, 0, 0, 4, 0, 0, 1, 0])
        + WireBytes.frame(type: 5, flags: 4, stream: 1, [0, 0, 0, 2]),
    ]
  }
}
