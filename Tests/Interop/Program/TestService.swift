import GRPC
import NIOCore

/// `grpc.testing.TestService` on the server of the module GRPC.
enum TestService {
  static let initialEcho = "x-grpc-test-echo-initial"
  static let trailingEcho = "x-grpc-test-echo-trailing-bin"
  /// The longest response that a request may ask for. Bytes.
  static let maximumSize: Int32 = 8 << 20

  static func path(_ method: String) -> String { "/grpc.testing.TestService/\(method)" }

  static var router: Router {
    var router = Router()
    router.unary(path("EmptyCall")) { _, responder in responder.respond(Empty().encoded) }
    router.unary(path("UnaryCall"), unary)
    router.serverStreaming(path("StreamingOutputCall")) { request, responder in
      let answers = Answers(responder, request.metadata)
      answers.receive(request.message)
      answers.endOfRequests()
    }
    router.bidirectional(path("StreamingInputCall"), streamingInput)
    router.bidirectional(path("FullDuplexCall")) { request, responder in
      let answers = Answers(responder, request.metadata)
      return StreamInput(message: answers.receive, end: answers.endOfRequests)
    }
    return router
  }

  @Sendable private static func unary(_ call: UnaryRequest, _ responder: UnaryResponder) {
    guard let request = try? SimpleRequest(decoding: call.message) else {
      return responder.fail(.noMessage)
    }
    if request.expectCompressed?.isWanted == true, !call.wasCompressed {
      return responder.fail(.notCompressed)
    }
    if let status = request.responseStatus, status.code != 0 {
      return responder.fail(RPCStatus(status, trailers: call.metadata.trailingEcho))
    }
    guard (0...maximumSize).contains(request.responseSize) else {
      return responder.fail(.wrongSize)
    }
    responder.respond(
      PayloadResponse(payload: Payload(size: Int(request.responseSize))).encoded,
      headers: call.metadata.initialEcho, trailers: call.metadata.trailingEcho,
      compressed: request.responseCompressed?.isWanted == true)
  }

  @Sendable private static func streamingInput(
    _ call: StreamRequest, _ responder: StreamResponder
  ) -> StreamInput {
    let sum = LoopBox(0)
    return StreamInput(
      received: { message, wasCompressed in
        guard let request = try? StreamingInputCallRequest(decoding: message) else {
          return responder.finish(.noMessage)
        }
        if request.expectCompressed?.isWanted == true, !wasCompressed {
          return responder.finish(.notCompressed)
        }
        sum.value += request.payload.body.readableBytes
      },
      end: {
        let size = Int32(clamping: sum.value)
        responder.send(StreamingInputCallResponse(aggregatedPayloadSize: size).encoded)
        responder.finish()
      })
  }
}

/// What a streaming call is still to answer. Confined to the call's event loop.
private final class Answers: @unchecked Sendable {
  // Safe to share: everything is touched on the event loop of the call's connection.

  private let responder: StreamResponder
  private let trailers: Metadata
  private var waiting: [ResponseParameters] = []
  private var isPausing = false
  private var hasEnded = false

  init(_ responder: StreamResponder, _ metadata: Metadata) {
    self.responder = responder
    trailers = metadata.trailingEcho
    responder.sendHeaders(metadata.initialEcho)
  }

  @Sendable func receive(_ message: ByteBuffer) {
    guard let request = try? StreamingOutputCallRequest(decoding: message) else {
      return responder.finish(.noMessage)
    }
    if let status = request.responseStatus, status.code != 0 {
      return responder.finish(RPCStatus(status, trailers: trailers))
    }
    let sizes = request.responseParameters.map(\.size)
    guard sizes.allSatisfy((0...TestService.maximumSize).contains) else {
      return responder.finish(.wrongSize)
    }
    waiting += request.responseParameters
    goOn()
  }

  @Sendable func endOfRequests() {
    hasEnded = true
    goOn()
  }

  /// Sends what may be sent now: each after its interval, and none while the client does not read.
  private func goOn() {
    guard !isPausing else { return }
    guard let next = waiting.first else {
      if hasEnded { responder.finish(RPCStatus(code: .ok, trailers: trailers)) }
      return
    }
    guard next.intervalMicroseconds > 0 else { return send(next) }
    isPausing = true
    let pause = TimeAmount.microseconds(Int64(next.intervalMicroseconds))
    responder.eventLoop.scheduleTask(in: pause) { [self] in
      isPausing = false
      send(next)
    }
  }

  private func send(_ next: ResponseParameters) {
    guard !responder.isCancelled else { return }
    let response = PayloadResponse(payload: Payload(size: Int(next.size))).encoded
    guard responder.send(response, compressed: next.compressed?.isWanted == true) else {
      return responder.onWritable { [self] in send(next) }
    }
    waiting.removeFirst()
    goOn()
  }
}

/// A value that is touched on one event loop only.
final class LoopBox<Value>: @unchecked Sendable {
  // Safe to share: whoever makes one keeps to its loop.
  var value: Value

  init(_ value: Value) { self.value = value }
}

extension Metadata {
  fileprivate var initialEcho: Metadata { only(TestService.initialEcho) }
  fileprivate var trailingEcho: Metadata { only(TestService.trailingEcho) }

  private func only(_ name: String) -> Metadata {
    var echo = Metadata()
    for entry in entries where entry.name == name { echo.append(entry) }
    return echo
  }
}

extension RPCStatus {
  fileprivate init(_ echo: EchoStatus, trailers: Metadata) {
    let code = StatusCode(rawValue: Int(echo.code)) ?? .unknown
    self.init(code: code, message: echo.message, trailers: trailers)
  }

  fileprivate static let noMessage = RPCStatus(
    code: .internalError, message: "the request is no message")
  fileprivate static let notCompressed = RPCStatus(
    code: .invalidArgument, message: "the request was to come compressed")
  fileprivate static let wrongSize = RPCStatus(
    code: .invalidArgument, message: "a response has 0 to \(TestService.maximumSize) bytes")
}
