import GRPC
import Logging
import NIOCore

/// What the cases need of the client: calls of both kinds as values that are waited for.
struct InteropClient: Sendable {
  private let plain: GRPCChannel
  private let compressing: GRPCChannel

  init(target: ChannelTarget, on eventLoop: any EventLoop) {
    var configuration = ChannelConfiguration()
    let logger = Logger(label: "grpc-interop")
    plain = GRPCChannel(
      target: target, configuration: configuration, eventLoop: eventLoop, logger: logger)
    configuration.requestEncoding = .gzip
    compressing = GRPCChannel(
      target: target, configuration: configuration, eventLoop: eventLoop, logger: logger)
  }

  func close() async throws {
    try await plain.close().get()
    try await compressing.close().get()
  }

  func unary(
    _ path: String, _ request: some InteropMessage, metadata: Metadata = Metadata(),
    compressed: Bool = false, within time: TimeAmount = .seconds(20)
  ) async throws -> UnaryResult {
    let channel = compressed ? compressing : plain
    let promise = channel.eventLoop.makePromise(of: UnaryResult.self)
    channel.unary(
      path: path, metadata: metadata, message: request.encoded, deadline: .now() + time,
      waitForReady: true, completion: promise.succeed)
    return try await promise.futureResult.get()
  }

  /// - Parameter compresses: Requests may go compressed.
  func stream(
    _ path: String, metadata: Metadata = Metadata(), compresses: Bool = false,
    within time: TimeAmount = .seconds(20)
  ) async throws -> Exchange {
    let channel = compresses ? compressing : plain
    return try await channel.eventLoop.submit {
      Exchange(channel, path, metadata, deadline: .now() + time)
    }.get()
  }
}

/// A streaming call, its responses one after the other.
final class Exchange: Sendable {
  typealias Response = (bytes: ByteBuffer, wasCompressed: Bool)

  private let call: StreamingCall
  private let eventLoop: any EventLoop
  private let responses: LoopBox<AsyncStream<Response>.Iterator>
  private let initial: LoopBox<Metadata>
  private let end: EventLoopFuture<UnaryResult>

  /// On the channel's event loop.
  init(_ channel: GRPCChannel, _ path: String, _ metadata: Metadata, deadline: NIODeadline) {
    let (stream, continuation) = AsyncStream.makeStream(of: Response.self)
    let promise = channel.eventLoop.makePromise(of: UnaryResult.self)
    let initial = LoopBox(Metadata())
    (eventLoop, self.initial, end) = (channel.eventLoop, initial, promise.futureResult)
    responses = LoopBox(stream.makeAsyncIterator())
    call = channel.stream(
      path: path, metadata: metadata, deadline: deadline, waitForReady: true,
      events: StreamingCall.Events(
        headers: { initial.value = $0 },
        message: { continuation.yield(($0, $1)) },
        end: {
          continuation.finish()
          promise.succeed($0)
        }))
  }

  /// Sends a request; the cases never have more under way than the call takes.
  func send(_ request: some InteropMessage, compressed: Bool = false) async throws {
    let isTaken = try await eventLoop.submit { [call] in
      call.send(request.encoded, compressed: compressed)
    }.get()
    try require(isTaken, "the call takes no request")
  }

  func finishSending() async throws {
    try await eventLoop.submit { [call] in call.finishSending() }.get()
  }

  /// nil when the call is over.
  func next() async -> Response? { await responses.value.next() }

  func cancel() { call.cancel() }

  /// How the call ended; its initial metadata stand beside it.
  func result() async throws -> (UnaryResult, initial: Metadata) {
    let result = try await end.get()
    return (result, try await eventLoop.submit { [initial] in initial.value }.get())
  }
}

/// A case that did not go as it has to.
struct CaseFailed: Error, CustomStringConvertible {
  let description: String
}

func require(_ condition: Bool, _ text: @autoclosure () -> String) throws {
  guard condition else { throw CaseFailed(description: text()) }
}
