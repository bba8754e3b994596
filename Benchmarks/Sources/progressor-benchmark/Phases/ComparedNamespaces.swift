import MachineModel
import NIOCore
import ProgressorProto

/// The namespaces in which things are compared. They differ in nothing but the feed.
enum ComparedNamespaces {
  static let plain = "bench-plain"
  /// Its feed has events with all that they say.
  static let followed = "bench-followed"

  /// Creates them. No invocation is shown a history: what a step costs does not grow with the run.
  static func create(on stage: Stage) async throws {
    try await withChannel(port: stage.port, connections: 1, on: stage.generator) { channel in
      for name in [plain, followed] {
        let namespace = Namespace(
          name: name, processor: ProcessorOptions(endpoint: "127.0.0.1:\(stage.processorPort)"),
          defaultHistoryRange: HistoryRange(limit: 0),
          feed: FeedOptions(isEnabled: name == followed, hasBodies: name == followed))
        let request = CreateNamespaceRequest(namespace: namespace)
        _ = try await channel.unary(
          path: "/progressor.v1.Namespaces/Create", message: ByteBuffer(bytes: request.encoded()),
          deadline: .now() + .seconds(10))
      }
    }
  }
}
