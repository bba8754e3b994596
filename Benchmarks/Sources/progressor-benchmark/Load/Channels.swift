import GRPC
import Logging
import NIOCore

/// Runs `body` with a channel to a port of 127.0.0.1 that is ready.
///
/// - Parameter connections: over how many connections the calls are spread.
func withChannel<Result>(
  port: Int, connections: Int, on thread: LoopThread,
  _ body: (GRPCChannel) async throws -> Result
) async throws -> Result {
  var configuration = ChannelConfiguration()
  configuration.connections = connections
  configuration.userAgent = "progressor-benchmark"
  let channel = GRPCChannel(
    target: ChannelTarget(.host("127.0.0.1", port: port)), configuration: configuration,
    eventLoop: thread.eventLoop,
    logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
  do {
    let result = try await body(channel)
    try await channel.close().get()
    return result
  } catch {
    try? await channel.closeNow().get()
    throw error
  }
}
