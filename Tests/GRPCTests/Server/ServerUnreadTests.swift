import Foundation
import HTTP2
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GRPC

@Suite("Answers that nobody reads are bounded", .timeLimit(.minutes(1)))
struct ServerUnreadTests {
  private let hello = RawClient.frame(Array("hello".utf8))

  private func withServer(
    _ change: (inout ServerConfiguration) -> Void,
    _ body: (GRPCServer, TestService, ServerAddress) async throws -> Void
  ) async throws {
    var configuration = ServerConfiguration()
    configuration.maxUnreadBytesPerConnection = 1_000_000
    change(&configuration)
    try await TestService.withServer(configuration, body)
  }

  @Test("An answer that is read anew is made when there is room for it, and everybody gets one")
  func reads() async throws {
    try await withServer { _ in
    } _: { server, service, address in
      let client = try await RawClient.connect(to: address, window: 1_000)
      var calls: [RawCall] = []
      for _ in 0..<20 {
        calls.append(try await client.start("/test.Test/Read", hello, reads: false))
      }
      // The answer to the last shows that the server has all of them.
      #expect(try await client.call("/test.Test/No", hello).status == .unimplemented)
      #expect(service.seen.withLock { $0.made } == 3)
      #expect(server.statistics.unreadBytes <= 1_000_000)
      for call in calls { try await client.read(call) }
      for call in calls {
        let response = try await call.response()
        #expect(response.status == .ok && response.messages.first?.bytes.count == 300_000)
      }
      let (asked, made, reads) = service.seen.withLock { ($0.asked, $0.made, $0.reads) }
      #expect(asked == 20 && made == 20 && reads <= 40, "no call is asked more than once in vain")
      #expect(server.statistics.unreadBytes == 0)
      await client.close()
    }
  }

  @Test("An answer to what was done is kept as long as there is room, and else the call is open")
  func executed() async throws {
    try await withServer { _ in
    } _: { server, service, address in
      let client = try await RawClient.connect(to: address, window: 1_000)
      var calls: [RawCall] = []
      for count in 1...5 {
        calls.append(try await client.start("/test.Test/Hold", hello, reads: false))
        try await service.wait { $0.held.count == count }
      }
      for responder in service.seen.withLock({ $0.held }) {
        responder.respond(ByteBuffer(repeating: 1, count: 300_000))
      }
      for call in calls[3...] {
        let response = try await call.response()
        #expect(response.status == .unavailable && response.isTrailersOnly)
      }
      #expect(server.statistics.responsesDropped == 2)
      #expect((890_000...1_000_000).contains(server.statistics.unreadBytes))
      // It is known by now how long they are: no more begin than fit.
      let late = try await client.start("/test.Test/Hold", hello)
      #expect(try await client.call("/test.Test/No", hello).status == .unimplemented)
      #expect(service.seen.withLock { $0.held.count } == 5)
      for call in calls[..<3] {
        try await client.read(call)
        #expect(try await call.response().status == .ok)
      }
      try await service.wait { $0.held.count == 6 }
      try await client.reset(late)
      await client.close()
    }
  }

  @Test("A client that reads nothing leaves little of an answer in the kernel")
  func sendBuffer() async throws {
    try await withServer {
      $0.maxUnreadBytesPerConnection = 64 << 20
    } _: { server, service, address in
      let client = try await RawClient.connect(to: address, window: 16 << 20)
      _ = try await client.start("/test.Test/Hold", hello)
      try await service.wait { $0.held.count == 1 }
      try await client.channel.setOption(.autoRead, value: false).get()
      service.seen.withLock { $0.held }[0].respond(ByteBuffer(repeating: 1, count: 12 << 20))
      for loop in Array(repeating: MultiThreadedEventLoopGroup.singleton, count: 20)
        .flatMap({ Array($0.makeIterator()) })
      {
        try await loop.submit {}.get()
      }
      #expect(server.statistics.unreadBytes > 11 << 20)
      await client.close()
    }
  }

  @Test("When the server is full, calls are refused before they begin, on every connection")
  func server() async throws {
    try await withServer {
      $0.maxUnreadBytes = 1_000_000
    } _: { server, service, address in
      var deaf: [RawClient] = []
      for _ in 0..<2 {
        let client = try await RawClient.connect(to: address, window: 1_000)
        deaf.append(client)
        _ = try await client.start("/test.Test/Read", hello, reads: false)
      }
      try await service.wait { $0.made == 2 }
      let other = try await RawClient.connect(to: address)
      #expect(try await other.call("/test.Test/Echo", hello).status == .ok)
      let refused = try await other.call("/test.Test/Read", hello)
      #expect(refused.status == .resourceExhausted && refused.isTrailersOnly)
      #expect(server.statistics.unreadBytesRefused == 1)
      for client in deaf { await client.close() }
      try await eventually { server.statistics.unreadBytes == 0 }
      #expect(try await other.call("/test.Test/Read", hello).status == .ok)
      await other.close()
    }
  }

  @Test("When the server is full, a stream ends at its next message, but for a short one")
  func stream() async throws {
    try await withServer {
      $0.maxUnreadBytes = 1_000_000
    } _: { server, service, address in
      let deaf = try await RawClient.connect(to: address, window: 1_000)
      _ = try await deaf.start("/test.Test/Read", hello, reads: false)
      try await service.wait { $0.made == 1 }
      let other = try await RawClient.connect(to: address, window: 1_000)
      let call = try await other.start("/test.Test/HeadersFirst", hello, reads: false)
      try await service.wait { $0.streams.count == 1 }
      let stream = service.seen.withLock { $0.streams }[0]
      stream.onCancel { service.seen.withLock { $0.cancellations += 1 } }
      #expect(stream.send(ByteBuffer(repeating: 1, count: 1_000)))
      #expect(!stream.send(ByteBuffer(repeating: 1, count: 400_000)))
      // Nothing follows with a gap before it, and the handler hears that it is over.
      #expect(!stream.send(ByteBuffer(repeating: 1, count: 10)) && stream.isCancelled)
      try await service.wait { $0.cancellations == 1 }
      try await other.read(call)
      let response = try await call.response()
      #expect(response.status == .resourceExhausted && response.messages.count == 1)
      #expect(server.statistics.unreadBytesRefused == 1)
      await other.close()
      await deaf.close()
    }
  }

  @Test("A call that is reset while it waits for room is let go of with everything")
  func resetWhileWaiting() async throws {
    try await withServer {
      $0.http2.maxConcurrentStreams = 6
    } _: { server, service, address in
      let client = try await RawClient.connect(to: address, window: 1_000)
      var calls: [RawCall] = []
      for _ in 0..<6 {
        calls.append(try await client.start("/test.Test/Read", hello, reads: false))
      }
      try await service.wait { $0.made == 3 }
      for call in calls { try await client.reset(call) }
      for call in calls { _ = try await call.response() }
      try await eventually {
        server.statistics.requestBytes == 0 && server.statistics.unreadBytes == 0
      }
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      await client.close()
    }
  }

  @Test("Large answers that are not read hold up no others of their connection")
  func largeAnswers() async throws {
    try await withServer {
      $0.maxUnreadBytesPerConnection = 64 << 20
    } _: { server, service, address in
      let client = try await RawClient.connect(to: address, window: 1_000)
      var large: [RawCall] = []
      for count in 1...16 {
        large.append(try await client.start("/test.Test/Huge", hello, reads: false))
        try await eventually { server.statistics.unreadBytes > count * 3_000_000 }
      }
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      #expect(try await client.call("/test.Test/Count", hello).messages.count == 3)
      for call in large { try await client.read(call) }
      for call in large {
        #expect(try await call.response().messages.first?.bytes.count == 3 << 20)
      }
      try await eventually { server.statistics.unreadBytes == 0 }
      // Many short answers do, since nobody knows what others will be.
      for _ in 0..<200 {
        _ = try await client.start(
          "/test.Test/Echo", RawClient.frame([UInt8](repeating: 1, count: 16_000)), reads: false)
      }
      #expect(try await client.call("/test.Test/No", hello).status == .unimplemented)
      #expect((1_000_000...1_100_000).contains(server.statistics.unreadBytes))
      await client.close()
    }
  }

  @Test("A client may ping with everything that it reads of a long answer (gRFC A8)")
  func pings() async throws {
    try await withServer {
      $0.maxUnreadBytesPerConnection = 64 << 20
    } _: { _, _, address in
      let client = try await RawClient.connect(to: address, window: 65_535)
      try await client.pingWithData()
      let response = try await client.call("/test.Test/Huge", hello)
      #expect(response.status == .ok && response.data.count == 5 + (3 << 20))
      #expect(try await client.goAways().isEmpty)
      await client.close()
    }
  }

  @Test("A handler that was refused for a message that others count less by now goes on")
  func refusedMeanwhile() async throws {
    try await withServer {
      $0.maxBufferedResponseBytesPerConnection = 100_000
    } _: { _, service, address in
      let client = try await RawClient.connect(to: address, window: 1_000)
      for count in 1...2 {
        _ = try await client.start("/test.Test/HeadersFirst", hello, reads: false)
        try await service.wait { $0.streams.count == count }
      }
      let (large, small) = service.seen.withLock { ($0.streams[0], $0.streams[1]) }
      let resumed = Mutex(0)
      small.onWritable { resumed.withLock { $0 += 1 } }
      let isTaken = try await small.eventLoop.submit {
        // The loop waits meanwhile: it learns of the large message after the small one was refused.
        let isRefused = DispatchSemaphore(value: 0)
        let isTaken = Mutex<[Bool]>([])
        Thread.detachNewThread {
          let taken = [
            large.send(ByteBuffer(repeating: 1, count: 200_000)), small.send(ByteBuffer()),
          ]
          isTaken.withLock { $0 = taken }
          isRefused.signal()
        }
        isRefused.wait()
        return isTaken.withLock { $0 }
      }.get()
      #expect(isTaken == [true, false])
      try await eventually { resumed.withLock { $0 } == 1 }
      #expect(small.send(ByteBuffer()))
      await client.close()
    }
  }

  @Test("Calls that run keep no others from beginning, however long their answers were lately")
  func running() async throws {
    try await withServer { _ in
    } _: { server, service, address in
      let client = try await RawClient.connect(to: address)
      let first = try await client.start("/test.Test/Hold", hello)
      try await service.wait { $0.held.count == 1 }
      service.seen.withLock { $0.held }[0].respond(ByteBuffer(repeating: 1, count: 300_000))
      #expect(try await first.response().status == .ok)
      try await eventually { server.statistics.unreadBytes == 0 }
      for count in 2...7 {
        _ = try await client.start("/test.Test/Hold", hello)
        try await service.wait { $0.held.count == count }
      }
      #expect(try await client.call("/test.Test/Echo", hello).status == .ok)
      await client.close()
    }
  }
}
