import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import GRPC

/// The methods that the tests call, and what their handlers saw.
final class TestService: Sendable {
  struct Seen {
    var requests: [UnaryRequest] = []
    var cancellations = 0
    /// Responders of calls that wait to be answered.
    var held: [UnaryResponder] = []
    var streams: [StreamResponder] = []
    var watchers: [String: StreamResponder] = [:]
    /// Calls of `Read`, how often they were asked for an answer, and how often they made one.
    var asked = 0
    var reads = 0
    var made = 0
    /// Messages that `Flood` could send.
    var sent = 0
  }

  let seen = Mutex(Seen())

  var router: Router {
    var router = Router()
    router.unary("/test.Test/Echo") { request, responder in
      self.seen.withLock { $0.requests.append(request) }
      responder.respond(request.message, trailers: request.metadata)
    }
    router.unary("/test.Test/Fail") { _, responder in
      var trailers = Metadata()
      try? trailers.append("x-reason", text: "because")
      responder.fail(
        RPCStatus(
          code: .notFound, message: "\t\r\n ü 😈 %", details: [0, 1, 0xff], trailers: trailers))
      responder.respond(ByteBuffer())  // The first answer counts.
    }
    router.unary("/test.Test/Hold") { _, responder in
      responder.onCancel { self.seen.withLock { $0.cancellations += 1 } }
      self.seen.withLock { $0.held.append(responder) }
    }
    router.unary("/test.Test/Headers") { request, responder in
      responder.respond(request.message, headers: request.metadata)
    }
    router.serverStreaming("/test.Test/HeadersFirst") { request, responder in
      responder.sendHeaders(request.metadata)
      self.seen.withLock { $0.streams.append(responder) }
    }
    router.unary("/test.Test/Drop") { _, _ in }
    router.unary("/test.Test/Large") { _, responder in
      responder.respond(ByteBuffer(repeating: 7, count: 300_000))
    }
    router.unary("/test.Test/Huge") { _, responder in
      responder.respond(ByteBuffer(repeating: 7, count: 3 << 20))
    }
    router.unary("/test.Test/Read") { _, responder in
      self.seen.withLock { $0.asked += 1 }
      self.read(responder)
    }
    router.unary("/test.Test/LargeStatus") { _, responder in
      responder.fail(RPCStatus(code: .aborted, message: String(repeating: "m", count: 200_000)))
    }
    router.serverStreaming("/test.Test/Count") { request, responder in
      for _ in 0..<3 { responder.send(request.message) }
      responder.finish()
    }
    router.serverStreaming("/test.Test/Flood") { _, responder in
      self.seen.withLock { $0.streams.append(responder) }
      responder.onCancel { self.seen.withLock { $0.cancellations += 1 } }
      let send: @Sendable () -> Void = {
        while responder.send(ByteBuffer(repeating: 1, count: 1_000)) {
          self.seen.withLock { $0.sent += 1 }
        }
      }
      responder.onWritable(send)
      send()
    }
    router.serverStreaming("/test.Test/Watch") { request, responder in
      // As the health service does: a watcher that goes is let go of.
      let name = String(buffer: request.message)
      self.seen.withLock { $0.watchers[name] = responder }
      responder.onCancel {
        let watcher = self.seen.withLock { seen in
          seen.cancellations += 1
          return seen.watchers.removeValue(forKey: name)
        }
        _ = watcher
      }
    }
    router.serverStreaming("/test.Test/TwoThreads") { request, responder in
      // The loop waits meanwhile: what the other thread says cannot be taken before the end is
      // said.
      let isSent = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        for _ in 0..<3 { responder.send(request.message) }
        isSent.signal()
      }
      isSent.wait()
      responder.finish()
    }
    router.bidirectional("/test.Test/Chat") { _, responder in
      StreamInput(
        message: { responder.send($0) },
        end: { responder.finish() })
    }
    return router
  }

  /// Answers with 300,000 bytes when there is room for them.
  private func read(_ responder: UnaryResponder) {
    seen.withLock { $0.reads += 1 }
    guard responder.makeRoom(for: 300_000, again: { self.read(responder) }) else { return }
    seen.withLock { $0.made += 1 }
    responder.respond(ByteBuffer(repeating: 7, count: 300_000))
  }

  /// Waits until something holds of what was seen.
  func wait(until condition: (borrowing Seen) -> Bool) async throws {
    try await eventually { seen.withLock { condition($0) } }
  }

  /// Lets go of what it holds when a test is over: a responder leads back to the service by its
  /// connection's router, and both would stay for ever.
  func letGo() {
    seen.withLock { ($0.held, $0.streams, $0.watchers) = ([], [], [:]) }
  }

  /// Starts a server with these methods on a free port, and stops it after `body`, which may ask it
  /// for its statistics.
  ///
  /// - Parameter change: what else the router has.
  static func withServer(
    _ configuration: ServerConfiguration = ServerConfiguration(),
    router change: (inout Router) -> Void = { _ in },
    _ body: (GRPCServer, TestService, ServerAddress) async throws -> Void
  ) async throws {
    let service = TestService()
    var router = service.router
    change(&router)
    let server = GRPCServer(
      router: router, configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
    let addresses = try await server.start([.tcp(host: "127.0.0.1", port: 0)])
    defer { service.letGo() }
    do {
      try await body(server, service, addresses[0])
    } catch {
      await server.stop(grace: .zero)
      throw error
    }
    await server.stop(grace: .zero)
  }

  /// The same, when the server itself is not asked.
  static func serve(
    _ configuration: ServerConfiguration = ServerConfiguration(),
    _ body: (TestService, ServerAddress) async throws -> Void
  ) async throws {
    try await withServer(configuration) { _, service, address in try await body(service, address) }
  }

  /// The same, with a client that is connected.
  static func withClient(
    _ configuration: ServerConfiguration = ServerConfiguration(),
    _ body: (TestService, RawClient) async throws -> Void
  ) async throws {
    try await serve(configuration) { service, address in
      let client = try await RawClient.connect(to: address)
      try await body(service, client)
      await client.close()
    }
  }
}
