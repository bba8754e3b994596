import NIOCore
import Testing

@testable import GRPC

@Suite("A connection that is asked to end", .timeLimit(.minutes(1)))
struct ServerDrainTests {
  private let path = "/test.Test/Echo"

  @Test("serves the calls that its GOAWAY names, also those that came with the PING's answer")
  func truth() async throws {
    var configuration = ServerConfiguration()
    configuration.lifetime.maxIdle = .milliseconds(20)
    try await TestService.serve(configuration) { service, address in
      var goAways: [Int32] = []
      var ended: Set<Int32> = []
      var pingedAfter = -1
      try await RawFrames.connect(to: address, first: []) { frame in
        if let last = frame.lastStream { goAways.append(last) }
        if frame.type == 1, frame.flags & 1 != 0 { ended.insert(frame.stream) }
        guard frame.isPing, pingedAfter < 0 else {
          // The end of the last call that is served closes the connection.
          return ([], true)
        }
        pingedAfter = goAways.count
        let calls = [1, 3, 5].flatMap { RawFrames.call($0, path, Array("\($0)".utf8)) }
        return (RawFrames.pingAcknowledgement(frame.payload) + calls, true)
      }
      #expect(pingedAfter == 1, "the PING comes behind the first GOAWAY")
      #expect(goAways.first == Int32.max && goAways.count == 2)
      let served = service.seen.withLock { $0.requests.map { Int32(String(buffer: $0.message)) } }
      #expect(served == [1, 3, 5].filter { $0 <= goAways.last ?? 0 })
      #expect(goAways.last == 5 && ended == [1, 3, 5])
    }
  }

  @Test("does nothing of a call that comes after the final GOAWAY, and goes on with those before")
  func refused() async throws {
    var configuration = ServerConfiguration()
    configuration.lifetime.maxAge = .milliseconds(20)
    try await TestService.serve(configuration) { service, address in
      var last: Int32?
      let first = RawFrames.call(1, "/test.Test/Hold")
      try await RawFrames.connect(to: address, first: first) { frame in
        if let told = frame.lastStream, told < Int32.max {
          last = told
          return (RawFrames.call(101, path) + RawFrames.ping, true)
        }
        if frame.isPing { return (RawFrames.pingAcknowledgement(frame.payload), true) }
        // The answer to our own PING shows that the server has the call.
        return ([], frame.type != 6)
      }
      #expect(last == 1)
      #expect(service.seen.withLock { $0.requests.isEmpty && $0.held.count == 1 })
    }
  }
}
