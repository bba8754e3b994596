import MachineModel
import ProgressorEngine

/// One of a node's loops: an engine and what its shells remember. It turns by itself: what all
/// loops of the node are told, one may hear long before another.
final class SimulatedCore {
  unowned let node: SimulatedNode
  let configuration: EngineConfiguration
  var engine: Engine
  var inbox: [Input] = []
  var isTurnPlanned = false
  /// The loop is late until then: what came before takes so long.
  var stalledUntil: Int64 = 0
  var wakeSerial = 0

  /// The latest time of day that the engine was told.
  var latestWall = Timestamp.earliest
  /// The end of the lease, as the engine was told.
  var trustedUntil: Int64 = .min
  /// Losses of shards that it was sent and has not handled.
  var unheardLosses = 0
  /// Namespaces that it was told are there.
  var namespaces: Set<NamespaceNumber> = []
  /// Namespaces that it was told are paused.
  var paused: Set<NamespaceNumber> = []
  /// The look ahead that is under way.
  var lookAhead: DueQuery?
  var messagesLookAhead: MessageQuery?
  /// Answers that it has given up so far.
  var answersGivenUp: UInt64 = 0
  /// `Input.timePassed` without time passing in between.
  var idleTurns = 0
  /// When the last of its messages arrives, by core that it goes to: they keep their order.
  var lastArrivals: [CoreNumber: Int64] = [:]

  init(of node: SimulatedNode, _ configuration: EngineConfiguration) {
    self.node = node
    self.configuration = configuration
    engine = Engine(configuration: configuration)
  }

  var number: CoreNumber { configuration.part.core }

  /// For traces: nil = the node has no other.
  var name: Int32? { configuration.part.cores > 1 ? number.number : nil }

  /// The process does nothing until then, or this loop of it.
  var restsUntil: Int64 { max(node.frozenUntil, stalledUntil) }
}
