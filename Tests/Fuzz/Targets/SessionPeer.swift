import HTTP2
import NIOCore

@testable import GRPC

/// What a session says, in order. Bytes of a body that come one after the other are one event.
enum SessionEvent: Equatable {
  case opened(Int32, HeaderList, isTruncated: Bool)
  case headers(Int32, HeaderList, HeadersKind, isTruncated: Bool)
  case data(Int32, [UInt8])
  case ended(Int32)
  case closed(Int32, ErrorCode)
  case settings(RemoteSettings)
  case settingsAcknowledged
  case pinged
  case pingAcknowledged(UInt64)
  case goneAway(Int32, ErrorCode, [UInt8])
}

/// One side of a connection whose other side is the fuzzer: does what a server or a client does,
/// and writes down what it was told.
final class SessionPeer: SessionDelegate {
  /// What it does, by the bits of a number.
  struct Habits {
    let bits: UInt8
    /// Whether received bytes are given back to the window at once.
    var consumes: Bool { bits & 1 != 0 }
    /// Whether requests are answered when they are complete.
    var answers: Bool { bits & 2 != 0 }
    /// Whether streams are reset when the first bytes of their body come.
    var resets: Bool { bits & 4 != 0 }
    /// Whether the session is ended in good order on the way.
    var leaves: Bool { bits & 8 != 0 }
  }

  static let requestsOfClient = 3
  static let bodySize = 2_000

  let session: Session
  let habits: Habits
  private(set) var events: [SessionEvent] = []
  private(set) var violation: String?
  private(set) var failure: HTTP2Error?
  private(set) var opened = 0
  private var closed: Set<Int32> = []

  init(_ role: Session.Role, settings: SessionSettings, habits: Habits) throws {
    self.habits = habits
    session = try Session(role: role, settings: settings, now: 0)
    session.delegate = self
    guard role == .client else { return }
    let head: HeaderList = [
      ":method": "POST", ":scheme": "http", ":path": "/a/b", ":authority": "a",
      "content-type": "application/grpc",
    ]
    for number in 0..<Self.requestsOfClient {
      let call = SessionCall(self, isClient: true)
      _ = try session.submitRequest(head, hasBody: number > 0, delegate: call)
      opened += 1
    }
  }

  func receive(_ bytes: ArraySlice<UInt8>, now: UInt64) {
    do throws(HTTP2Error) {
      try session.receive(bytes.span.bytes, now: now)
    } catch {
      if failure != nil { violate("an error is thrown once") }
      failure = error
    }
  }

  /// Takes all that it has to say.
  func output(now: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    session.takeOutput(now: now) { span in span.withUnsafeBytes { bytes += $0 } }
    return bytes
  }

  /// The connection is gone: every stream hears of it, and of nothing afterwards.
  func close() throws {
    session.connectionClosed(.cancel)
    try demand(session.openStreamCount == 0, "streams are left when the connection is gone")
    try demand(closed.count == opened, "\(opened) streams, \(closed.count) of them closed")
    if let violation { throw Violation(description: violation) }
  }

  func violate(_ rule: String) { violation = violation ?? rule }

  func tell(_ event: SessionEvent) {
    if case .closed(let id, _) = event, !closed.insert(id).inserted {
      violate("stream \(id) closed twice")
    }
    if case .data(let id, let bytes) = event, case .data(id, let before)? = events.last {
      events[events.count - 1] = .data(id, before + bytes)
    } else {
      events.append(event)
    }
  }

  func hasClosed(_ id: Int32) -> Bool { closed.contains(id) }

  func session(_ session: Session, didOpen stream: HTTP2Stream, headers: HeaderList) {
    if session.role == .client { violate("a server opened a stream") }
    opened += 1
    tell(.opened(stream.id, headers, isTruncated: headers.isTruncated))
    _ = RequestHead(headers)
    stream.delegate = SessionCall(self, isClient: false)
  }

  func sessionDidReceiveSettings(_ session: Session) { tell(.settings(session.remoteSettings)) }

  func sessionDidReceiveSettingsAcknowledgement(_ session: Session) { tell(.settingsAcknowledged) }

  func sessionDidReceivePing(_ session: Session) { tell(.pinged) }

  func session(_ session: Session, didReceivePingAcknowledgement payload: UInt64) {
    tell(.pingAcknowledged(payload))
  }

  func sessionDidSendShutdownNotice(_ session: Session) { session.submitGoAway(.noError) }

  func session(
    _ session: Session, didReceiveGoAway lastStreamID: Int32, code: ErrorCode, debugData: [UInt8]
  ) {
    tell(.goneAway(lastStreamID, code, debugData))
  }
}

/// One stream of it. A client's reads the answer as the channel does.
private final class SessionCall: StreamDelegate {
  private unowned let peer: SessionPeer
  private let isClient: Bool
  private var body = [UInt8](repeating: 7, count: SessionPeer.bodySize)
  private static let maximumMessageSize = 4_096
  private var reader = UnaryResponseReader(maximumMessageSize: maximumMessageSize)
  private var result: UnaryResult?

  init(_ peer: SessionPeer, isClient: Bool) {
    self.peer = peer
    self.isClient = isClient
  }

  private func tell(_ event: SessionEvent, _ stream: HTTP2Stream) {
    if peer.hasClosed(stream.id) { peer.violate("stream \(stream.id) goes on after its end") }
    peer.tell(event)
  }

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    tell(.headers(stream.id, headers, kind, isTruncated: headers.isTruncated), stream)
    if isClient, result == nil { result = reader.receive(headers, kind: kind) }
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    tell(.data(stream.id, data.withUnsafeBytes { Array($0) }), stream)
    if peer.habits.resets { stream.reset(.cancel) }
    if peer.habits.consumes { stream.consume(data.byteCount) }
    guard isClient, result == nil else { return }
    result = reader.receive(data)
    if result == nil, let compressed = reader.takeCompressed() {
      do throws(FramingError) {
        let message = try Gzip.inflate(compressed, limit: Self.maximumMessageSize)
        result = reader.inflated(.inflated(message))
      } catch {
        result = reader.inflated(.failed(error))
      }
    }
    let most = 2 * (Self.maximumMessageSize + MessageDeframer.prefixLength) + data.byteCount
    if reader.heldBytes > most {
      peer.violate("a reader holds \(reader.heldBytes) bytes of messages of 4,096 at most")
    }
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) {
    tell(.ended(stream.id), stream)
    if isClient {
      if result == nil { result = reader.receiveEnd() }
    } else if peer.habits.answers {
      stream.submitResponse([":status": "200", "content-type": "application/grpc"], hasBody: true)
    }
  }

  func stream(_ stream: HTTP2Stream, readBodyInto output: inout BodyWriter) -> BodyProgress {
    body.removeFirst(output.write(body.span.bytes))
    guard body.isEmpty else { return .open }
    guard !isClient else { return .end }
    stream.submitTrailers(["grpc-status": "0"])
    return .trailers
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    tell(.closed(stream.id, code), stream)
    if isClient, result == nil { result = reader.receiveReset(code, wasSent: stream.isSent) }
  }
}
