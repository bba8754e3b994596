import GRPC
import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#endif

/// gRPC's interoperability tests with the module GRPC on one side, or on both.
///
///     grpc-interop server                  prints its port, and serves until its input ends
///     grpc-interop client ENDPOINT CASE …  runs cases, or all; status 1 if one fails
@main enum GRPCInterop {
  static func main() async {
    var exitCode: Int32 = 0
    let arguments = CommandLine.arguments.dropFirst()
    do {
      switch (arguments.first, arguments.dropFirst().first) {
      case ("server", nil): try await serve()
      case ("client", let endpoint?):
        let isWell = try await run(Array(arguments.dropFirst(2)), at: ChannelTarget(endpoint))
        if !isWell { exitCode = 1 }
      default: throw CaseFailed(description: "usage: server | client ENDPOINT [CASE …]")
      }
    } catch {
      print("error: \(error)")
      exitCode = 2
    }
    exit(exitCode)
  }

  private static func serve() async throws {
    var configuration = ServerConfiguration()
    configuration.compressResponses = true
    let server = GRPCServer(
      router: TestService.router, configuration: configuration, group: .singleton)
    let bound = try await server.start([.tcp(host: "127.0.0.1", port: 0)])
    guard case .tcp(_, let port)? = bound.first else {
      throw CaseFailed(description: "it is not known where the server listens")
    }
    print(port)
    fflush(nil)
    while readLine() != nil {}
    await server.stop()
  }

  /// Prints a line for each case.
  private static func run(_ names: [String], at target: ChannelTarget) async throws -> Bool {
    let cases = try names.map { name in
      guard let found = InteropCase(rawValue: name) else {
        throw CaseFailed(description: "there is no case \(name)")
      }
      return found
    }
    let client = InteropClient(
      target: target, on: MultiThreadedEventLoopGroup.singleton.next())
    var isWell = true
    for each in cases.isEmpty ? InteropCase.allCases : cases {
      do {
        try await each.run(client)
        print("\(each.rawValue): well")
      } catch {
        isWell = false
        print("\(each.rawValue): \(error)")
      }
    }
    try await client.close()
    return isWell
  }
}
