import HTTP2
import NIOCore
import Testing

@testable import GRPC

@Suite("What the server refuses", .timeLimit(.minutes(1)))
struct ServerRefusalTests {
  let hello = RawClient.frame(Array("hello".utf8))

  @Test(
    "is a method that it does not have: UNIMPLEMENTED", arguments: ["/test.Test/No", "/", "/x.Y/Z"])
  func unknownMethod(path: String) async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call(path, hello)
      #expect(response.status == .unimplemented && response.isTrailersOnly)
      #expect(response.message.contains(path))
    }
  }

  @Test("is a request on a unary method without a message, or with two: UNIMPLEMENTED")
  func messageCount() async throws {
    try await TestService.withClient { service, client in
      for bytes in [[], hello + hello] {
        let response = try await client.call("/test.Test/Echo", bytes)
        #expect(response.status == .unimplemented)
      }
      #expect(service.seen.withLock { $0.requests.isEmpty })
    }
  }

  @Test("is a message that breaks off: INTERNAL")
  func truncated() async throws {
    try await TestService.withClient { _, client in
      for path in ["/test.Test/Echo", "/test.Test/Chat"] {
        let response = try await client.call(path, Array(hello.dropLast()))
        #expect(response.status == .internalError)
      }
    }
  }

  @Test("is another verb than POST: 405 in plain HTTP", arguments: ["GET", "PUT", "HEAD"])
  func verb(method: String) async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/Echo", hello, method: method)
      #expect(response.headers[":status"] == "405" && response.headers["allow"] == "POST")
      #expect(response.status == nil && response.isEnded)
    }
  }

  @Test(
    "is another content type: 415 in plain HTTP",
    arguments: ["application/json", "application/grpc+foo", "application/grpcx", "text/plain", nil])
  func contentType(type: String?) async throws {
    try await TestService.withClient { _, client in
      let fields: HeaderList = type.map { ["content-type": $0] } ?? [:]
      let response = try await client.call("/test.Test/Echo", hello, fields: fields)
      #expect(response.headers[":status"] == "415" && response.status == nil)
    }
  }

  @Test(
    "is not a content type with a parameter, or that names protobuf, which is answered in kind",
    arguments: [
      ("application/grpc+proto", "application/grpc+proto"),
      ("application/grpc;charset=utf-8", "application/grpc"),
    ])
  func subformat(type: String, answer: String) async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call(
        "/test.Test/Echo", hello, fields: ["content-type": type])
      #expect(response.status == .ok && response.headers["content-type"] == answer)
    }
  }

  @Test("is an encoding that it does not know: UNIMPLEMENTED, with those that it does")
  func unknownEncoding() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call(
        "/test.Test/Echo", hello, fields: RawClient.fields(["grpc-encoding": "snappy"]))
      #expect(response.status == .unimplemented && response.message.contains("snappy"))
      #expect(response.headers["grpc-accept-encoding"] == "identity,gzip")
    }
  }

  @Test("is a compressed message without an encoding, or with broken data: INTERNAL")
  func brokenCompression() async throws {
    try await TestService.withClient { _, client in
      let gzip = RawClient.fields(["grpc-encoding": "gzip"])
      let broken: [([UInt8], HeaderList)] = [
        (RawClient.frame([1, 2, 3], flag: 1), RawClient.grpcFields),
        (RawClient.frame([1, 2, 3], flag: 1), gzip),
        (RawClient.frame([1], flag: 2), RawClient.grpcFields),
      ]
      for (bytes, fields) in broken {
        let response = try await client.call("/test.Test/Echo", bytes, fields: fields)
        #expect(response.status == .internalError)
      }
    }
  }

  @Test("is a message over the limit, which may have exactly that many bytes")
  func messageLimit() async throws {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 1_000
    try await TestService.withClient(configuration) { _, client in
      let fits = RawClient.frame([UInt8](repeating: 0, count: 1_000))
      #expect(try await client.call("/test.Test/Echo", fits).status == .ok)
      // The prefix alone decides.
      let response = try await client.call("/test.Test/Echo", [0, 0, 0, 3, 0xe9], ends: false)
      #expect(response.status == .resourceExhausted && response.closed == .noError)
      #expect(response.headers["grpc-retry-pushback-ms"] == "-1")
    }
  }

  @Test("is a small message that inflates over the limit: RESOURCE_EXHAUSTED")
  func inflatedLimit() async throws {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 100_000
    try await TestService.withClient(configuration) { _, client in
      let gzip = RawClient.fields(["grpc-encoding": "gzip"])
      for (count, status) in [(100_000, StatusCode.ok), (100_001, .resourceExhausted)] {
        let deflated = try #require(Gzip.deflate(ByteBuffer(repeating: 0, count: count)))
        let bytes = RawClient.frame(Array(deflated.readableBytesView), flag: 1)
        #expect(
          try await client.call("/test.Test/Echo", bytes, fields: gzip).status == status)
      }
    }
  }

  @Test(
    "are more bytes of half requests than a connection may have: RESOURCE_EXHAUSTED",
    arguments: ["/test.Test/Echo", "/test.Test/Chat"])
  func requestBudget(path: String) async throws {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 100_000
    configuration.maxBufferedRequestBytes = 150_000
    try await TestService.withClient(configuration) { _, client in
      let most = Array(RawClient.frame([UInt8](repeating: 0, count: 100_000)).dropLast())
      let first = try await client.start(path, most, ends: false)
      let second = try await client.call(path, most, ends: false)
      #expect(second.status == .resourceExhausted)
      // What the second held is free again.
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      try await client.send([0], ends: true, on: first)
      #expect(try await first.response().status == .ok)
    }
  }

  @Test(
    "are header fields over the limit: RESOURCE_EXHAUSTED, not to be repeated; others go on",
    arguments: [20_000, 60_000])
  func headerLimit(size: Int) async throws {
    try await TestService.withClient { _, client in
      let large = RawClient.fields(["x-large": String(repeating: "a", count: size)])
      let response = try await client.call("/test.Test/Echo", hello, fields: large)
      #expect(response.status == .resourceExhausted)
      #expect(response.headers["grpc-retry-pushback-ms"] == "-1")
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
    }
  }

  @Test(
    "is metadata that is malformed: INTERNAL",
    arguments: [("grpc-timeout", "soon"), ("grpc-timeout", "123456789S"), ("x-bin", "!")])
  func malformed(name: String, value: String) async throws {
    try await TestService.withClient { _, client in
      var fields = RawClient.grpcFields
      fields.append(name, value)
      let response = try await client.call("/test.Test/Echo", hello, fields: fields)
      #expect(response.status == .internalError && response.message.contains(name))
    }
  }

  @Test("gets its answer before the request ends, and then RST_STREAM(NO_ERROR)")
  func earlyAnswer() async throws {
    try await TestService.withClient { _, client in
      let response = try await client.call("/test.Test/No", [0], ends: false)
      #expect(response.status == .unimplemented && response.isEnded && response.closed == .noError)
    }
  }
}
