import GRPC
import ProgressorEngine
import ProgressorStorage

/// What a node knows about itself at a moment.
struct NodeStatistics: Sendable {
  /// nil = the engine does not run.
  var engine: EngineStatistics?
  var storage: StorageStatus
  var isServing: Bool
  /// What the lookout saw.
  var seen = Seen()
  /// nil = nothing can be imported yet.
  var imports: ImportBudget.Statistics?
  var waits: WaitPlaces.Statistics?
  /// nil = nothing listens yet.
  var server: ServerStatistics?
  /// nil = everything is allowed to everybody.
  var access: AccessFiles.Statistics?
  var sinks: [SinkStatistics] = []
}
