import HTTP2
import NIOCore
import Synchronization
import Testing

@testable import GRPC

@Suite("A call on the server", .timeLimit(.minutes(1)))
struct ServerCallTests {
  let hello = RawClient.frame(Array("hello".utf8))

  @Test("answers a unary request with headers, one message and trailers")
  func unary() async throws {
    try await TestService.withClient { service, client in
      let response = try await client.call(
        "/test.Test/Echo", hello,
        fields: RawClient.fields(["x-a": "1", "x-b-bin": "q6s", "user-agent": "me"]))
      #expect(response.headers[":status"] == "200")
      #expect(response.headers["content-type"] == "application/grpc")
      #expect(response.headers["grpc-encoding"] == nil)
      #expect(response.messages.map(\.bytes) == [Array("hello".utf8)])
      #expect(response.status == .ok && response.trailers["grpc-message"] == nil)
      #expect(response.trailers["x-a"] == "1" && response.trailers["x-b-bin"] == "q6s")
      #expect(response.closed == .noError)

      let request = try #require(service.seen.withLock { $0.requests.first })
      #expect(request.metadata.text("x-a") == "1")
      #expect(request.metadata.binary("x-b-bin") == [0xab, 0xab])
      #expect(request.metadata.entries.count == 2)
      #expect(request.path == "/test.Test/Echo" && request.deadline == nil)
      #expect(request.peer.hasPrefix("127.0.0.1:"))
    }
  }

  @Test("takes an empty message, and messages larger than all windows", arguments: [0, 3 << 20])
  func sizes(size: Int) async throws {
    try await TestService.withClient { _, client in
      let message = [UInt8](repeating: 9, count: size)
      let response = try await client.call("/test.Test/Echo", RawClient.frame(message))
      #expect(response.messages.map(\.bytes) == [message] && response.status == .ok)
    }
  }

  @Test("fails with Trailers-Only, its message percent-encoded, its details as base64")
  func failure() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/Fail", hello)
      #expect(response.isTrailersOnly && response.isEnded && response.data.isEmpty)
      #expect(response.headers[":status"] == "200" && response.status == .notFound)
      #expect(response.message == "\t\r\n ü 😈 %")
      #expect(response.headers["grpc-status-details-bin"] == "AAH/")
      #expect(response.headers["x-reason"] == "because")
    }
  }

  @Test("streams messages in order, then the status")
  func serverStreaming() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/Count", hello)
      #expect(response.messages.count == 3 && response.status == .ok)
      #expect(!response.isTrailersOnly)
    }
  }

  @Test("answers a bidirectional request message by message")
  func bidirectional() async throws {
    try await TestService.withClient { _, client in
      let call = try await client.start("/test.Test/Chat", hello, ends: false)
      #expect(try await call.received(atLeast: hello.count) == hello.count)
      try await client.send(hello + hello, ends: true, on: call)
      let response = try await call.response()
      #expect(response.messages.count == 3 && response.status == .ok)
    }
  }

  @Test("has its messages from another thread before the end that its loop says")
  func twoThreads() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/TwoThreads", hello)
      #expect(response.messages.count == 3 && response.status == .ok)
    }
  }

  @Test(
    "gets large compressed messages, over many turns of the loop and in their order",
    arguments: ["/test.Test/Echo", "/test.Test/Chat"])
  func largeCompressed(path: String) async throws {
    try await TestService.withClient { service, client in
      let large = ByteBuffer(repeating: 0, count: 4 << 20)
      let deflated = try #require(Gzip.deflate(large))
      var bytes = RawClient.frame(Array(deflated.readableBytesView), flag: 1)
      let isChat = path.hasSuffix("Chat")
      if isChat { bytes = hello + bytes + hello + bytes }
      let response = try await client.call(
        path, bytes, fields: RawClient.fields(["grpc-encoding": "gzip"]))
      #expect(response.status == .ok)
      let sizes = response.messages.map(\.bytes.count)
      let size = hello.count - 5
      #expect(sizes == (isChat ? [size, 4 << 20, size, 4 << 20] : [4 << 20]))
    }
  }

  @Test("that is given up while its message is inflated leaves nothing behind")
  func resetWhileInflating() async throws {
    var configuration = ServerConfiguration()
    configuration.maxRequestBytes = 17 << 20
    try await TestService.withClient(configuration) { _, client in
      let deflated = try #require(Gzip.deflate(ByteBuffer(repeating: 0, count: 16 << 20)))
      let bytes = RawClient.frame(Array(deflated.readableBytesView), flag: 1)
      let fields = RawClient.fields(["grpc-encoding": "gzip"])
      for _ in 0..<3 {
        let call = try await client.start("/test.Test/Echo", bytes, ends: false, fields: fields)
        try await client.reset(call)
      }
      #expect(
        try await client.call("/test.Test/Drop", bytes, fields: fields).status == .internalError)
    }
  }

  @Test("sends metadata before its messages if the handler has some")
  func responseHeaders() async throws {
    try await TestService.withClient { service, client in
      let fields = RawClient.fields(["x-a": "1", "x-b-bin": "q6s"])
      let unary = try await client.call("/test.Test/Headers", hello, fields: fields)
      #expect(unary.headers["x-a"] == "1" && unary.headers["x-b-bin"] == "q6s")
      #expect(unary.messages.count == 1 && unary.trailers["x-a"] == nil && unary.status == .ok)

      let stream = try await client.start("/test.Test/HeadersFirst", hello, fields: fields)
      try await service.wait { $0.streams.count == 1 }
      let responder = try #require(service.seen.withLock { $0.streams.popLast() })
      var late = Metadata()
      try late.append("x-late", text: "1")
      responder.sendHeaders(late)
      responder.finish(RPCStatus(code: .aborted))
      let response = try await stream.response()
      #expect(response.headers["x-a"] == "1" && response.headers["x-late"] == nil)
      #expect(response.status == .aborted && !response.isTrailersOnly && response.data.isEmpty)
    }
  }

  @Test("of a stream without any message ends well")
  func emptyStream() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/Chat")
      #expect(response.status == .ok && response.data.isEmpty)
    }
  }

  @Test("is answered with DEADLINE_EXCEEDED at its deadline, and the handler is told")
  func deadline() async throws {
    try await TestService.withClient { service, client in
      let response = try await client.call(
        "/test.Test/Hold", hello, fields: RawClient.fields(["grpc-timeout": "20m"]))
      #expect(response.status == .deadlineExceeded && response.isTrailersOnly)
      try await service.wait { $0.cancellations == 1 }
      // What the handler says later changes nothing.
      let responder = try #require(service.seen.withLock { $0.held.first })
      #expect(responder.isCancelled)
      responder.respond(ByteBuffer())
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
    }
  }

  @Test("whose deadline passes before the request is complete is answered, too")
  func deadlineOfHalfARequest() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call(
        "/test.Test/Echo", [0], ends: false, fields: RawClient.fields(["grpc-timeout": "10m"]))
      #expect(response.status == .deadlineExceeded && response.closed == .noError)
    }
  }

  @Test("tells its handler when the client resets it, or goes away")
  func cancellation() async throws {
    try await TestService.withClient { service, client in
      let first = try await client.start("/test.Test/Hold", hello)
      _ = try await client.start("/test.Test/Hold", hello)
      try await service.wait { $0.held.count == 2 }
      try await client.reset(first)
      try await service.wait { $0.cancellations == 1 }
      await client.close()
      try await service.wait { $0.cancellations == 2 }
      // Who asks later is told at once.
      let told = Mutex(false)
      let held = service.seen.withLock { $0.held }
      held[0].onCancel { told.withLock { $0 = true } }
      #expect(told.withLock { $0 })
    }
  }

  @Test("may be answered from another thread")
  func otherThread() async throws {
    try await TestService.withClient { service, client in
      let calls = try await withThrowingTaskGroup(of: RawCall.self) { group in
        for _ in 0..<100 {
          group.addTask { try await client.start("/test.Test/Hold", self.hello) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      try await service.wait { $0.held.count == 100 }
      for responder in service.seen.withLock({ $0.held }) { responder.respond(ByteBuffer()) }
      for call in calls { #expect(try await call.response().status == .ok) }
      #expect(service.seen.withLock { $0.cancellations } == 0)
    }
  }

  @Test("fails with INTERNAL when its handler drops it")
  func dropped() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/Drop", hello)
      #expect(response.status == .internalError && response.isTrailersOnly)
    }
  }

  @Test("with a status that no header block can carry still ends with its code")
  func largeStatus() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/LargeStatus", hello)
      #expect(response.status == .aborted && response.closed == .noError)
    }
  }
}
