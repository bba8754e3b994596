import HTTP2
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import GRPC

/// Calls with any number of requests and responses, between the client and the server of this
/// module.
@Suite(.timeLimit(.minutes(1))) struct StreamingCallTests {
  @Test("Responses come in the order of the requests that they answer", arguments: [false, true])
  func pingPong(compressed: Bool) async throws {
    let peer = try await StreamingPeer()
    let sizes = [27_182, 8, 0, 45_904]
    let call = try await peer.call("/test.Service/Echo", encoding: compressed ? .gzip : .identity)
    for size in sizes { try await call.send(.init(repeating: 7, count: size)) }
    try await call.finish()
    #expect(try await call.end.get().status.isOK)
    #expect(call.received.map(\.size) == sizes)
    // What is short is not worth it.
    #expect(call.received.map(\.wasCompressed) == sizes.map { compressed && $0 >= 1_024 })
    #expect(peer.sawCompressed == sizes.map { compressed && $0 >= 1_024 })
    try await peer.stop()
  }

  @Test("A call without a message ends well")
  func empty() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Echo")
    try await call.finish()
    let result = try await call.end.get()
    #expect(result.status.isOK && result.origin == .peer && result.message == nil)
    #expect(call.received.isEmpty)
    try await peer.stop()
  }

  @Test("Metadata come before the messages and with the status")
  func metadata() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Echo")
    try await eventually { call.headers?.text("x-initial") == "1" }
    try await call.send([1])
    try await call.finish()
    #expect(try await call.end.get().trailingMetadata.text("x-trailing") == "2")
    try await peer.stop()
  }

  @Test("A call that was cancelled is over on both sides")
  func cancellation() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Echo")
    try await call.send([1])
    try await eventually { call.received.count == 1 }
    call.cancel()
    let result = try await call.end.get()
    #expect(result.status.code == .cancelled && result.localReason == .cancelled)
    try await eventually { peer.cancelled == 1 }
    try await peer.stop()
  }

  @Test("A call that is cancelled before anything was sent is over on both sides")
  func cancellationAtOnce() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Echo")
    try await eventually { call.headers != nil }
    call.cancel()
    #expect(try await call.end.get().status.code == .cancelled)
    try await eventually { peer.cancelled == 1 }
    try await peer.stop()
  }

  @Test("A deadline ends the call on both sides")
  func deadline() async throws {
    let peer = try await StreamingPeer()
    var call: RecordedCall
    var patience = Duration.milliseconds(100)
    // One whose time is over before it is sent is not the server's.
    repeat {
      patience *= 2
      call = try await peer.call("/test.Service/Echo", within: .init(patience))
      #expect(try await call.end.get().status.code == .deadlineExceeded)
    } while call.headers == nil
    try await eventually { peer.cancelled >= 1 }
    try await peer.stop()
  }

  @Test("A server that fails in the midst of the requests ends the call with what it says")
  func failure() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Fail")
    try await call.send([1])
    let result = try await call.end.get()
    #expect(result.status.code == .aborted && result.origin == .peer)
    #expect(call.received.map(\.size) == [3])
    try await peer.stop()
  }

  @Test("A method that there is not says so")
  func unimplemented() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/None")
    #expect(try await call.end.get().status.code == .unimplemented)
    #expect(call.headers == nil)
    try await peer.stop()
  }

  @Test("A message above the limit ends the call, however many others came")
  func oversized() async throws {
    let peer = try await StreamingPeer(maximumResponse: 1_000)
    let call = try await peer.call("/test.Service/Echo")
    try await call.send(.init(repeating: 7, count: 1_000))
    try await call.send(.init(repeating: 7, count: 1_001))
    try await call.finish()
    let result = try await call.end.get()
    #expect(result.status.code == .resourceExhausted && result.localReason == .oversizedMessage)
    #expect(call.received.map(\.size) == [1_000])
    try await peer.stop()
  }

  @Test("A caller that does not read holds the server up, and nothing more than a window here")
  func backPressure() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Flood")
    try await call.onLoop { $0.setReading(false) }
    try await call.finish()
    try await eventually { peer.refusedSends > 0 }
    let before = call.received.count
    #expect(before * StreamingPeer.floodSize <= 256 << 10)
    try await call.onLoop { $0.setReading(true) }
    #expect(try await call.end.get().status.isOK)
    #expect(call.received.count == StreamingPeer.floodCount)
    try await peer.stop()
  }

  @Test("Callers that do not read keep nobody else on their connection waiting")
  func bystander() async throws {
    let peer = try await StreamingPeer()
    var calls: [RecordedCall] = []
    // Their windows are more than the connection's.
    for _ in 0..<260 {
      let call = try await peer.call("/test.Service/Flood")
      try await call.onLoop { $0.setReading(false) }
      try await call.finish()
      calls.append(call)
    }
    try await eventually { peer.refusedSends >= 260 }
    let other = try await peer.call("/test.Service/Echo")
    try await other.send(.init(repeating: 7, count: 1_000_000))
    try await other.finish()
    #expect(try await other.end.get().status.isOK)
    #expect(other.received.map(\.size) == [1_000_000])
    for call in calls { call.cancel() }
    try await peer.stop()
  }

  @Test("A writer that goes on as soon as it may gets everything through, a message at a time")
  func writable() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Echo")
    let count = 50
    for _ in 0..<count { try await call.send(.init(repeating: 1, count: 100_000)) }
    try await call.finish()
    #expect(try await call.end.get().status.isOK)
    #expect(call.received.map(\.size) == Array(repeating: 100_000, count: count))
    #expect(call.writable > 0)
    try await peer.stop()
  }

  @Test("Messages to a server that does not read are refused, and wanted again when it does")
  func refusedMessages() async throws {
    let peer = try await StreamingPeer()
    // It answers nothing that could be read: its echoes fill the window of this side.
    let call = try await peer.call("/test.Service/Echo")
    try await call.onLoop { $0.setReading(false) }
    let message = [UInt8](repeating: 1, count: 32 << 10)
    var sent = 0
    while try await call.offer(message), sent < 1_000 { sent += 1 }
    #expect(sent < 1_000)
    #expect(call.writable == 0)
    try await call.onLoop { $0.setReading(true) }
    try await eventually { call.writable == 1 }
    try await call.finish()
    #expect(try await call.end.get().status.isOK)
    #expect(call.received.count == sent)
    try await peer.stop()
  }

  @Test("A call whose server goes away ends, and what left is not sent again")
  func lost() async throws {
    let peer = try await StreamingPeer()
    let call = try await peer.call("/test.Service/Echo")
    try await call.send([1])
    try await eventually { call.received.count == 1 }
    try await peer.harness.channel.closeNow().get()
    let result = try await call.end.get()
    #expect(result.status.code == .unavailable && result.seen)
    await peer.server.stop()
  }

  @Test("Without a server a call ends as a unary one does, and what was to be sent is forgotten")
  func unreachable() async throws {
    let harness = try ChannelHarness(to: SocketAddress(ipAddress: "127.0.0.1", port: 1))
    let call = try await RecordedCall(
      harness.channel, path: "/test.Service/Echo", deadline: .now() + .seconds(20))
    _ = try await call.offer([1])
    let result = try await call.end.get()
    #expect(result.localReason == .unreachable && !result.seen)
    #expect(try await call.offer([1]) == false)
    try await harness.channel.closeNow().get()
  }
}

/// A server with streaming methods, and a channel to it.
private final class StreamingPeer: Sendable {
  static let floodSize = 10_000
  static let floodCount = 300

  let server: GRPCServer
  let harness: ChannelHarness
  private let address: SocketAddress
  private let maximumResponse: Int
  private let compressing: NIOLockedValueBox<[ChannelHarness]> = .init([])
  private let counts: Counts

  private struct Counts: Sendable {
    let cancelled = NIOLockedValueBox(0)
    let refused = NIOLockedValueBox(0)
    let compressed = NIOLockedValueBox<[Bool]>([])
  }

  var cancelled: Int { counts.cancelled.withLockedValue { $0 } }
  var refusedSends: Int { counts.refused.withLockedValue { $0 } }
  var sawCompressed: [Bool] { counts.compressed.withLockedValue { $0 } }

  init(maximumResponse: Int = 16 << 20) async throws {
    let counts = Counts()
    self.counts = counts
    self.maximumResponse = maximumResponse
    var configuration = ServerConfiguration()
    configuration.compressResponses = true
    server = GRPCServer(
      router: try Self.router(counts), configuration: configuration, group: .singleton)
    let bound = try await server.start([.tcp(host: "127.0.0.1", port: 0)])
    guard case .tcp(let host, let port)? = bound.first else {
      throw ChannelError.unknownLocalAddress
    }
    address = try SocketAddress(ipAddress: host, port: port)
    harness = try Self.harness(address, .identity, maximumResponse)
  }

  private static func harness(
    _ address: SocketAddress, _ encoding: MessageEncoding, _ maximumResponse: Int
  ) throws -> ChannelHarness {
    var configuration = ChannelHarness.configuration
    configuration.requestEncoding = encoding
    configuration.maximumResponseMessageSize = maximumResponse
    return try ChannelHarness(to: address, configuration: configuration)
  }

  private static func router(_ counts: Counts) throws -> Router {
    var router = Router()
    var (initial, trailing) = (Metadata(), Metadata())
    try initial.append("x-initial", text: "1")
    try trailing.append("x-trailing", text: "2")
    let status = RPCStatus(code: .ok, trailers: trailing)
    router.bidirectional("/test.Service/Echo") { [initial] _, responder in
      responder.sendHeaders(initial)
      responder.onCancel { counts.cancelled.withLockedValue { $0 += 1 } }
      return StreamInput(
        received: { message, wasCompressed in
          counts.compressed.withLockedValue { $0.append(wasCompressed) }
          responder.send(message, compressed: wasCompressed)
        },
        end: { responder.finish(status) })
    }
    router.bidirectional("/test.Service/Fail") { _, responder in
      StreamInput(
        message: { _ in
          responder.send(ByteBuffer(string: "one"))
          responder.finish(RPCStatus(code: .aborted, message: "enough"))
        }, end: {})
    }
    router.bidirectional("/test.Service/Flood") { _, responder in
      let left = NIOLockedValueBox(floodCount)
      let pour: @Sendable () -> Void = {
        while left.withLockedValue({ $0 }) > 0 {
          guard responder.send(ByteBuffer(repeating: 1, count: floodSize)) else {
            return counts.refused.withLockedValue { $0 += 1 }
          }
          left.withLockedValue { $0 -= 1 }
        }
        responder.finish()
      }
      responder.onWritable(pour)
      return StreamInput(message: { _ in }, end: pour)
    }
    return router
  }

  func call(
    _ path: String, encoding: MessageEncoding = .identity, within time: TimeAmount = .seconds(20)
  ) async throws -> RecordedCall {
    var harness = harness
    if encoding != .identity {
      harness = try Self.harness(address, encoding, maximumResponse)
      compressing.withLockedValue { [harness] in $0.append(harness) }
    }
    return try await RecordedCall(harness.channel, path: path, deadline: .now() + time)
  }

  func stop() async throws {
    for harness in compressing.withLockedValue({ $0 }) {
      try await harness.channel.closeNow().get()
    }
    try await harness.channel.closeNow().get()
    await server.stop()
  }
}

/// A streaming call that keeps what it hears.
private final class RecordedCall: Sendable {
  private struct Record {
    var headers: Metadata?
    var received: [(size: Int, wasCompressed: Bool)] = []
    var writable = 0
  }

  let end: EventLoopFuture<UnaryResult>
  private let call: StreamingCall
  private let loop: any EventLoop
  private let record: NIOLockedValueBox<Record>

  init(_ channel: GRPCChannel, path: String, deadline: NIODeadline) async throws {
    let record = NIOLockedValueBox(Record())
    self.record = record
    loop = channel.eventLoop
    let promise = loop.makePromise(of: UnaryResult.self)
    end = promise.futureResult
    call = try await loop.submit {
      channel.stream(
        path: path, deadline: deadline,
        events: StreamingCall.Events(
          headers: { headers in record.withLockedValue { $0.headers = headers } },
          message: { bytes, wasCompressed in
            record.withLockedValue { $0.received.append((bytes.readableBytes, wasCompressed)) }
          },
          writable: { record.withLockedValue { $0.writable += 1 } },
          end: { promise.succeed($0) }))
    }.get()
  }

  var headers: Metadata? { record.withLockedValue { $0.headers } }
  var received: [(size: Int, wasCompressed: Bool)] { record.withLockedValue { $0.received } }
  var writable: Int { record.withLockedValue { $0.writable } }

  func onLoop<T: Sendable>(_ body: @escaping @Sendable (StreamingCall) -> T) async throws -> T {
    try await loop.submit { [call] in body(call) }.get()
  }

  func offer(_ bytes: [UInt8]) async throws -> Bool {
    try await onLoop { $0.send(ByteBuffer(bytes: bytes)) }
  }

  /// Sends a message as soon as there is room.
  func send(_ bytes: [UInt8]) async throws {
    try await eventually { try await self.offer(bytes) }
  }

  func finish() async throws { try await onLoop { $0.finishSending() } }
  func cancel() { call.cancel() }
}
