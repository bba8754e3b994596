import GRPC
import ProgressorEngine
import ProgressorStorage

/// What a node knows about itself at a moment.
struct NodeStatistics: Sendable {
  /// nil = the engine does not run.
  var engine: EngineStatistics?
  var storage: StorageStatus
  var isServing: Bool
  /// nil = nothing listens yet.
  var server: ServerStatistics?
}
