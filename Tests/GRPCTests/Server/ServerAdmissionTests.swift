import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GRPC

@Suite("What the server admits", .timeLimit(.minutes(1)))
struct ServerAdmissionTests {
  private static let refusal = RPCStatus(code: .permissionDenied, message: "not you")

  /// A server that asks `admit`, and keeps what it was asked.
  private final class Gate: Sendable {
    let asked = Mutex<[CallHead]>([])

    func configuration(
      _ admit: @escaping @Sendable (CallHead) -> CallAdmission
    ) -> ServerConfiguration {
      var configuration = ServerConfiguration()
      configuration.admit = { head in
        self.asked.withLock { $0.append(head) }
        return admit(head)
      }
      return configuration
    }
  }

  @Test("is decided by the header fields: of a refused call no byte of the body counts")
  func refused() async throws {
    let gate = Gate()
    let configuration = gate.configuration { head in
      head.path.hasSuffix("Echo") ? .admitted(nil) : .refused(Self.refusal)
    }
    try await TestService.withClient(configuration) { service, client in
      // No message, a broken one, one that claims to be compressed, and one of several windows.
      let bodies = [
        [], [1, 2, 3], RawClient.frame([1, 2, 3], flag: 1),
        RawClient.frame([UInt8](repeating: 7, count: 300_000)),
      ]
      for path in ["/test.Test/Hold", "/test.Test/Flood", "/test.Test/Chat"] {
        for body in bodies {
          let response = try await client.call(path, body)
          #expect(response.status == .permissionDenied && response.isTrailersOnly)
          #expect(response.message == "not you")
        }
      }
      #expect(service.seen.withLock { $0.held.isEmpty && $0.streams.isEmpty })
      let response = try await client.call("/test.Test/Echo", RawClient.frame([1]))
      #expect(response.status == .ok)
    }
  }

  @Test("is asked of methods that there are, and of nothing else")
  func unknown() async throws {
    let gate = Gate()
    try await TestService.withClient(gate.configuration { _ in .refused(Self.refusal) }) {
      _, client in
      let response = try await client.call("/test.Test/No", RawClient.frame([1]))
      #expect(response.status == .unimplemented)
      #expect(gate.asked.withLock { $0.isEmpty })
    }
  }

  @Test("is told to the handler")
  func told() async throws {
    let gate = Gate()
    try await TestService.withClient(gate.configuration { .admitted("by \($0.peer)") }) {
      service, client in
      _ = try await client.call("/test.Test/Echo", RawClient.frame([1]))
      let (caller, peer) = try #require(
        service.seen.withLock { $0.requests.first.map { ($0.caller as? String, $0.peer) } })
      #expect(caller == "by \(peer)")
      #expect(gate.asked.withLock { $0.map(\.peerUser) } == [nil])
    }
  }

  /// Keeps how calls end.
  private final class Follower: CallFollower {
    let path: String
    let ends: Mutex<[StatusCode]> = Mutex([])

    init(_ path: String) { self.path = path }

    func callEnded(_ call: CallSummary) { ends.withLock { $0.append(call.code) } }
  }

  @Test("has each call followed to its one end, whether it is admitted or not")
  func followed() async throws {
    let followers = Mutex<[Follower]>([])
    var configuration = Gate().configuration { head in
      head.path.hasSuffix("Flood") ? .refused(Self.refusal) : .admitted(nil)
    }
    configuration.follow = { head in
      let follower = Follower(head.path)
      followers.withLock { $0.append(follower) }
      return follower
    }
    try await TestService.withClient(configuration) { service, client in
      for path in ["/test.Test/Echo", "/test.Test/Flood", "/test.Test/No"] {
        _ = try await client.call(path, RawClient.frame([1]))
      }
      // No message at all: refused before a handler sees it.
      _ = try await client.call("/test.Test/Echo", [])
      let given = service.seen.withLock { $0.requests.first?.follower as? Follower }
      let all = followers.withLock { $0 }
      #expect(given === all.first)
      #expect(all.map(\.path) == ["/test.Test/Echo", "/test.Test/Flood", "/test.Test/Echo"])
      let ends = all.map { follower in follower.ends.withLock { $0 } }
      #expect(ends.prefix(2) == [[.ok], [.permissionDenied]])
      #expect(ends.last?.count == 1 && ends.last != [.ok])
    }
  }

  @Test("knows the calls of one connection from those of others")
  func connections() async throws {
    let gate = Gate()
    for _ in 0..<2 {
      try await TestService.withClient(gate.configuration { _ in .admitted(nil) }) { _, client in
        for _ in 0..<2 { _ = try await client.call("/test.Test/Echo", RawClient.frame([1])) }
      }
    }
    let numbers = gate.asked.withLock { $0.map(\.connection) }
    #expect(numbers.count == 4 && numbers[0] == numbers[1] && numbers[2] == numbers[3])
    #expect(numbers[0] != numbers[2])
  }

  @Test("knows the user at the other end of a Unix socket from the system")
  func peerUser() async throws {
    let gate = Gate()
    let path = "/tmp/admission-\(getpid()).sock"
    let server = GRPCServer(
      router: TestService().router, configuration: gate.configuration { _ in .admitted(nil) },
      group: MultiThreadedEventLoopGroup.singleton)
    let address = try await server.start([.unix(path: path)])[0]
    let client = try await RawClient.connect(to: address)
    let response = try await client.call("/test.Test/Echo", RawClient.frame([1]))
    #expect(response.status == .ok)
    #expect(gate.asked.withLock { $0.map(\.peerUser) } == [geteuid()])
    await client.close()
    await server.stop(grace: .zero)
  }
}
