import HTTP2

/// One side of a connection in memory: a session, and a record of what it was told.
final class Peer {
  let session: Session
  private(set) var goAways: [(lastStreamID: Int32, code: ErrorCode, debugData: [UInt8])] = []
  private(set) var pings = 0
  private(set) var pingAcknowledgements: [UInt64] = []
  private(set) var settingsReceived = 0
  private(set) var settingsAcknowledgements = 0
  /// Streams in the order in which they were opened.
  private(set) var calls: [Call] = []
  /// What `receive` threw.
  private(set) var error: HTTP2Error?
  /// Is told of a stream that the other side opened.
  var onOpen: (Call) -> Void = { _ in }
  /// Is told that the notice of a shutdown left.
  var onShutdownNotice: (Session) -> Void = { _ in }

  init(_ role: Session.Role, settings: SessionSettings = SessionSettings()) throws {
    session = try Session(role: role, settings: settings, now: 0)
    session.delegate = self
  }

  /// Opens a stream; a body follows when `body` is not nil.
  func request(
    _ headers: HeaderList = Peer.get, body: [UInt8]? = nil, endsBody: Bool = true
  ) throws -> Call {
    let call = Call()
    call.body = body ?? []
    call.progressAtEnd = endsBody ? .end : .open
    call.stream = try session.submitRequest(headers, hasBody: body != nil, delegate: call)
    calls.append(call)
    return call
  }

  /// Hands bytes over; an error is kept in `error`.
  func receive(_ bytes: [UInt8], now: UInt64 = 0) {
    do {
      try session.receive(bytes.span.bytes, now: now)
    } catch {
      self.error = error
    }
  }

  /// All bytes that this side has to send.
  func output(limit: Int = .max, now: UInt64 = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    session.takeOutput(limit: limit, now: now) { span in
      span.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  static let get: HeaderList = [
    ":method": "POST", ":scheme": "http", ":path": "/a", ":authority": "test",
  ]
}

extension Peer: SessionDelegate {
  func session(_ session: Session, didOpen stream: HTTP2Stream, headers: HeaderList) {
    let call = Call()
    call.headers = headers
    call.stream = stream
    stream.delegate = call
    calls.append(call)
    onOpen(call)
  }

  func sessionDidReceiveSettings(_ session: Session) { settingsReceived += 1 }
  func sessionDidReceiveSettingsAcknowledgement(_ session: Session) {
    settingsAcknowledgements += 1
  }
  func sessionDidSendShutdownNotice(_ session: Session) { onShutdownNotice(session) }
  func sessionDidReceivePing(_ session: Session) { pings += 1 }
  func session(_ session: Session, didReceivePingAcknowledgement payload: UInt64) {
    pingAcknowledgements.append(payload)
  }
  func session(
    _ session: Session, didReceiveGoAway lastStreamID: Int32, code: ErrorCode, debugData: [UInt8]
  ) {
    goAways.append((lastStreamID, code, debugData))
  }
}

/// What happened on one stream, and the body that it sends.
final class Call: StreamDelegate {
  var stream: HTTP2Stream?
  var headers: HeaderList?
  private(set) var informational = 0
  private(set) var trailers: HeaderList?
  private(set) var data: [UInt8] = []
  private(set) var isEnded = false
  private(set) var closed: ErrorCode?
  /// Whether received bytes are given back to the peer's window at once.
  var consumes = true

  /// What is still to be sent.
  var body: [UInt8] = []
  /// What is said when `body` is empty.
  var progressAtEnd = BodyProgress.end
  var trailersToSend: HeaderList = ["grpc-status": "0"]
  /// Is told when the peer ended its side.
  var onEnd: (Call) -> Void = { _ in }

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    switch kind {
    case .response: self.headers = headers
    case .informational: informational += 1
    case .trailers: trailers = headers
    }
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    data.withUnsafeBytes { self.data.append(contentsOf: $0) }
    if consumes { stream.consume(data.byteCount) }
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    isEnded = true
    onEnd(self)
  }

  func stream(_ stream: HTTP2Stream, readBodyInto output: inout BodyWriter) -> BodyProgress {
    body.removeFirst(output.write(body.span.bytes))
    guard body.isEmpty else { return .open }
    if progressAtEnd == .trailers { stream.submitTrailers(trailersToSend) }
    return progressAtEnd
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) { closed = code }

  /// Answers 200 with a body and trailers.
  func answer(_ body: [UInt8]) {
    self.body = body
    progressAtEnd = .trailers
    stream?.submitResponse([":status": "200"], hasBody: true)
  }
}

/// Carries bytes between both sides until none has any.
func exchange(_ one: Peer, _ other: Peer, now: UInt64 = 0) {
  while true {
    let forth = one.output(now: now)
    if !forth.isEmpty { other.receive(forth, now: now) }
    let back = other.output(now: now)
    if !back.isEmpty { one.receive(back, now: now) }
    if forth.isEmpty && back.isEmpty { return }
  }
}
