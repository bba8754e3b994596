import GRPC
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PrometheusMetrics

/// Serves `GET /metrics` over HTTP/1.1, for Prometheus and people with curl, and `/livez` and
/// `/readyz` for who watches processes.
///
/// One request a connection, few connections, ten seconds each: whoever can reach the address can
/// make no more work than that.
final class MetricsEndpoint: Sendable {
  /// Makes the text; on any loop.
  typealias Render = @Sendable () -> EventLoopFuture<String>
  /// Says why machines are not served now, in a line; nil = they are. On any loop.
  typealias Obstacle = @Sendable () -> String?

  private let channel: any Channel

  /// Where it really listens, with the port that the system chose.
  let address: ServerAddress

  static let maximumConnections = 16

  /// Begins to listen.
  static func start(
    _ address: ServerAddress, group: any EventLoopGroup, logger: Logger,
    obstacle: @escaping Obstacle, render: @escaping Render
  ) async throws(ServerError) -> MetricsEndpoint {
    let gate = ConnectionGate(maximum: maximumConnections)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        gate.enter(channel)
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withPipeliningAssistance: true, withErrorHandling: true)
          try channel.pipeline.syncOperations.addHandler(
            MetricsHandler(obstacle: obstacle, render: render))
        }
      }
    guard case .tcp(let host, let port) = address else {
      throw .cannotBind(address, reason: "metrics are served on HOST:PORT only")
    }
    do {
      let channel = try await bootstrap.bind(host: host, port: port).get()
      let bound = ServerAddress.tcp(host: host, port: channel.localAddress?.port ?? port)
      logger.notice("metrics on \(bound)")
      return MetricsEndpoint(channel, bound)
    } catch let error as IOError where error.errnoCode == EADDRINUSE {
      throw .addressInUse(address)
    } catch {
      throw .cannotBind(address, reason: "\(error)")
    }
  }

  private init(_ channel: any Channel, _ address: ServerAddress) {
    self.channel = channel
    self.address = address
  }

  /// Listens no more.
  func stop() async {
    try? await channel.close()
  }
}
