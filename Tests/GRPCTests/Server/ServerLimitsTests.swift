import HTTP2
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GRPC

@Suite("What a server holds and refuses is bounded, counted and observed")
struct ServerLimitsTests {
  private let hello = RawClient.frame(Array("hello".utf8))

  @Test("A call is not begun that is reset in the read which brought it, when it has little time")
  func resetAtOnce() throws {
    let connection = try VirtualConnection()
    let reset = RawFrames.frame(type: 3, stream: 1, [0, 0, 0, 8])
    let body = RawFrames.frame(type: 0, flags: 1, stream: 1, RawClient.frame([1]))
    try connection.send(
      RawFrames.headers(1, "/test.Test/Echo", [("grpc-timeout", "2S")]) + body + reset)
    #expect(connection.service.seen.withLock { $0.requests.isEmpty })
    let next = RawFrames.frame(type: 0, flags: 1, stream: 3, RawClient.frame([2]))
    try connection.send(RawFrames.headers(3, "/test.Test/Echo", [("grpc-timeout", "2S")]) + next)
    #expect(connection.service.seen.withLock { $0.requests.count } == 1)
    #expect(try connection.received().data == [3: 6])
  }

  private final class Observer: Sendable {
    let seen = Mutex<[String: [StatusCode]]>([:])
    let sizes = Mutex<[String: [Int]]>([:])
    let started = Mutex(0)

    func named(_ path: String) -> any CallObserver { Named(path: path, observer: self) }

    struct Named: CallObserver {
      let path: String
      let observer: Observer

      func callStarted() { observer.started.withLock { $0 += 1 } }

      func callEnded(_ call: CallSummary) {
        observer.seen.withLock { $0[path, default: []].append(call.code) }
        observer.sizes.withLock { sizes in
          sizes[path, default: []] += [call.receivedBytes, call.sentBytes]
        }
      }
    }
  }

  @Test("Bytes of requests in the whole server, from the first one to the answer")
  func requestBytes() async throws {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 100_000
    configuration.maxRequestBytes = 150_000
    try await TestService.withServer(configuration) { server, service, address in
      let clients = [
        try await RawClient.connect(to: address), try await RawClient.connect(to: address),
      ]
      // The handler has it, and has not answered.
      let large = RawClient.frame([UInt8](repeating: 0, count: 100_000))
      let held = try await clients[0].start("/test.Test/Hold", large, ends: true)
      try await service.wait { $0.held.count == 1 }
      #expect(server.statistics.requestBytes >= 100_000)
      for path in ["/test.Test/Echo", "/test.Test/Chat"] {
        let half = try await clients[1].call(path, Array(large.dropLast()), ends: false)
        #expect(half.status == .resourceExhausted)
        #expect(half.headers["grpc-status"] != nil, "the status is in the only header fields")
      }
      #expect(try await clients[1].call("/test.Test/Echo", hello).status == .ok)
      service.seen.withLock { $0.held.removeFirst() }.respond(ByteBuffer())
      #expect(try await held.response().status == .ok)
      #expect(try await clients[1].call("/test.Test/Echo", large).status == .ok)
      let statistics = server.statistics
      #expect(statistics.requestBytes == 0)
      #expect(statistics.requestBytesRefused == 2)
      for client in clients { await client.close() }
    }
  }

  @Test("No connection holds more bytes of requests than all of them leave free")
  func share() async throws {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 100_000
    configuration.maxRequestBytes = 1_000_000
    try await TestService.withServer(configuration) { server, service, address in
      let greedy = try await RawClient.connect(to: address)
      let part = RawClient.frame([UInt8](repeating: 0, count: 50_000))
      var running: [RawCall] = []
      func held() -> Int { service.seen.withLock { $0.held.count } }
      // One after another: of calls that arrive together, the header fields of the last come before
      // the message of the first.
      for count in 1...20 {
        running.append(try await greedy.start("/test.Test/Hold", part))
        try await eventually { held() + server.statistics.requestBytesRefused == count }
      }
      #expect(held() == 9)
      #expect((400_000...500_000).contains(server.statistics.requestBytes))
      for call in running[9...] {
        #expect(try await call.response().status == .resourceExhausted)
      }
      // A connection's only call may have all that there is.
      let other = try await RawClient.connect(to: address)
      let large = RawClient.frame([UInt8](repeating: 0, count: 100_000))
      for _ in 0..<3 { #expect(try await other.call("/test.Test/Echo", large).status == .ok) }
      await greedy.close()
      service.seen.withLock { $0.held.removeAll() }
      try await eventually { server.statistics.requestBytes == 0 }
      await other.close()
    }
  }

  @Test("The longest message is taken beside calls that hold little")
  func longestMessage() async throws {
    var configuration = ServerConfiguration()
    configuration.maxMessageSize = 100_000
    configuration.maxRequestBytes = 120_000
    try await TestService.withServer(configuration) { server, _, address in
      let client = try await RawClient.connect(to: address)
      let idle = try await client.start("/test.Test/Chat", [], ends: false)
      let large = RawClient.frame([UInt8](repeating: 0, count: 100_000))
      for _ in 0..<3 { #expect(try await client.call("/test.Test/Echo", large).status == .ok) }
      #expect(server.statistics.requestBytesRefused == 0)
      try await client.reset(idle)
      await client.close()
    }
  }

  @Test("Header fields are bytes of requests, in the whole server and on a connection")
  func headerBytes() async throws {
    for ofConnection in [false, true] {
      var configuration = ServerConfiguration()
      configuration.maxMessageSize = 50_000
      if ofConnection {
        configuration.maxBufferedRequestBytes = 200_000
      } else {
        configuration.maxRequestBytes = 200_000
      }
      try await TestService.withServer(configuration) { server, service, address in
        let client = try await RawClient.connect(to: address)
        let large = RawClient.fields(["x-large": String(repeating: "x", count: 8_000)])
        var open: [RawCall] = []
        for _ in 0..<30 {
          open.append(
            try await client.start("/test.Test/Chat", [], ends: false, fields: large))
        }
        let refused = try #require(open.last)
        let response = try await refused.response()
        #expect(response.status == .resourceExhausted && response.isTrailersOnly)
        #expect((90_000...200_000).contains(server.statistics.requestBytes))
        await client.close()
        try await eventually { server.statistics.requestBytes == 0 }
      }
    }
  }

  @Test("A call that its client gives up holds its bytes until the handler lets go of it")
  func cancelledBytes() async throws {
    try await TestService.withServer(ServerConfiguration()) { server, service, address in
      let client = try await RawClient.connect(to: address)
      let call = try await client.start("/test.Test/Hold", hello, ends: true)
      try await service.wait { $0.held.count == 1 }
      try await client.reset(call)
      try await service.wait { $0.cancellations == 1 }
      #expect(server.statistics.requestBytes > 0)
      service.seen.withLock { $0.held.removeAll() }
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      try await eventually { server.statistics.requestBytes == 0 }
      await client.close()
    }
  }

  @Test("Connections and messages that were refused are counted")
  func counted() async throws {
    var configuration = ServerConfiguration()
    configuration.maxConnectionsPerPeer = 1
    configuration.maxMessageSize = 1_000
    try await TestService.withServer(configuration) { server, _, address in
      let client = try await RawClient.connect(to: address)
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      let second = try await RawClient.connect(to: address)
      try await second.closed()
      let large = RawClient.frame([UInt8](repeating: 0, count: 1_001))
      #expect(try await client.call("/test.Test/Echo", large).status == .resourceExhausted)
      let statistics = server.statistics
      #expect(statistics.connections == 1 && statistics.connectionsOfBusiestPeer == 1)
      #expect(statistics.connectionsRefusedPerPeer == 1 && statistics.connectionsRefused == 0)
      #expect(statistics.messagesRefused == 1)
      await client.close()
    }
  }

  @Test("Statuses that the server itself made up are completed by the application")
  func annotated() async throws {
    var configuration = ServerConfiguration()
    configuration.annotate = { status in
      var status = status
      status.details = [1, 2, 3]
      return status
    }
    try await TestService.withServer(configuration) { _, _, address in
      let client = try await RawClient.connect(to: address)
      let details = "grpc-status-details-bin"
      #expect(try await client.call("/test.Test/Nothing", hello).headers[details] == "AQID")
      #expect(try await client.call("/test.Test/Echo", []).headers[details] == "AQID")
      // What a handler answers is its own.
      #expect(try await client.call("/test.Test/Fail", hello).headers[details] != "AQID")
      await client.close()
    }
  }

  @Test("Each call is observed once, by its method, with the code that ended it")
  func observed() async throws {
    let observer = Observer()
    try await TestService.withServer {
      $0.observe { observer.named($0 ?? "unknown") }
    } _: { _, service, address in
      let client = try await RawClient.connect(to: address)
      _ = try await client.call("/test.Test/Echo", hello)
      _ = try await client.call("/test.Test/Fail", hello)
      _ = try await client.call("/test.Test/Count", hello)
      _ = try await client.call("/test.Test/Nothing", hello)
      let held = try await client.start("/test.Test/Hold", hello, ends: true)
      try await service.wait { $0.held.count == 1 }
      try await client.reset(held)
      try await service.wait { $0.cancellations == 1 }
      await client.close()
    }
    #expect(
      observer.seen.withLock { $0 } == [
        "/test.Test/Echo": [.ok], "/test.Test/Fail": [.notFound], "/test.Test/Count": [.ok],
        "unknown": [.unimplemented], "/test.Test/Hold": [.cancelled],
      ])
    #expect(observer.started.withLock { $0 } == 5)
    let sizes = observer.sizes.withLock { $0 }
    #expect(sizes["/test.Test/Echo"] == [5, 5])
    #expect(sizes["/test.Test/Fail"] == [5, 0])
    #expect(sizes["unknown"] == [0, 0])
  }
}
