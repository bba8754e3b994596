import HTTP2
import NIOCore

@testable import GRPC

/// What came back on a stream.
struct RawResponse: Sendable {
  var headers: [String: String] = [:]
  var trailers: [String: String] = [:]
  var data: [UInt8] = []
  /// Whether the peer ended its side, and not only reset the stream.
  var isEnded = false
  /// How the stream closed.
  var closed: ErrorCode?

  /// The status, from wherever it came.
  var status: StatusCode? {
    (trailers["grpc-status"] ?? headers["grpc-status"]).flatMap { StatusCode(headerValue: $0.utf8) }
  }

  var message: String {
    PercentEncoding.decode((trailers["grpc-message"] ?? headers["grpc-message"] ?? "").utf8)
  }

  /// Whether the status came without response headers before it.
  var isTrailersOnly: Bool { headers["grpc-status"] != nil }

  /// The messages with their flags, as far as they are complete.
  var messages: [(flag: UInt8, bytes: [UInt8])] {
    var rest = data[...]
    var messages: [(UInt8, [UInt8])] = []
    while rest.count >= 5, let flag = rest.first {
      let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
      messages.append((flag, Array(rest.dropFirst(5).prefix(length))))
      rest = rest.dropFirst(5 + length)
    }
    return messages
  }
}

/// A call of `RawClient`.
final class RawCall: Sendable {
  let state: NIOLoopBound<RawCallState>
  private let eventLoop: any EventLoop

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    state = NIOLoopBound(RawCallState(eventLoop: eventLoop), eventLoop: eventLoop)
  }

  /// Waits until the stream closed.
  func response() async throws -> RawResponse {
    try await eventLoop.flatSubmit { self.state.value.done.futureResult }.get()
  }

  /// Waits until that many bytes of data came, or the stream closed, and says how many there are.
  func received(atLeast count: Int) async throws -> Int {
    try await eventLoop.flatSubmit { self.state.value.waitForData(count) }.get()
  }

  /// How many bytes of data came so far.
  func receivedBytes() async throws -> Int {
    try await eventLoop.submit { self.state.value.response.data.count }.get()
  }
}

/// The part that lives on the event loop.
final class RawCallState: StreamDelegate {
  var stream: HTTP2Stream?
  var body: [UInt8] = []
  var ends = true
  var reads = true
  var response = RawResponse()
  let done: EventLoopPromise<RawResponse>
  private let eventLoop: any EventLoop
  private var waiter: (count: Int, promise: EventLoopPromise<Int>)?

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
    done = eventLoop.makePromise()
  }

  func waitForData(_ count: Int) -> EventLoopFuture<Int> {
    let promise = eventLoop.makePromise(of: Int.self)
    waiter = (count, promise)
    wakeWaiter()
    return promise.futureResult
  }

  private func wakeWaiter() {
    guard let waiter, response.data.count >= waiter.count || response.closed != nil else { return }
    self.waiter = nil
    waiter.promise.succeed(response.data.count)
  }

  func stream(_ stream: HTTP2Stream, didReceive headers: HeaderList, kind: HeadersKind) {
    for field in headers {
      switch kind {
      case .trailers: response.trailers[field.nameString] = field.valueString
      case .response: response.headers[field.nameString] = field.valueString
      default: break
      }
    }
  }

  func stream(_ stream: HTTP2Stream, didReceive data: RawSpan) {
    data.withUnsafeBytes { response.data.append(contentsOf: $0) }
    if reads { stream.consume(data.byteCount) }
    wakeWaiter()
  }

  func streamDidReceiveEnd(_ stream: HTTP2Stream) { response.isEnded = true }

  func stream(_ stream: HTTP2Stream, readBodyInto output: inout BodyWriter) -> BodyProgress {
    body.removeFirst(output.write(body.span.bytes))
    return body.isEmpty && ends ? .end : .open
  }

  func stream(_ stream: HTTP2Stream, didClose code: ErrorCode) {
    response.closed = code
    wakeWaiter()
    done.succeed(response)
  }
}
