import CProgressorProto
public import MachineModel

/// Request of `Cluster.Status`.
public struct ClusterStatusRequest: ProtobufMessage {
  public init() {}
}

extension ClusterStatusRequest: EmptyShape {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ClusterStatusRequest>?) -> Void {
    progressor__v1__cluster_status_request__init
  }
}

/// Response of `Cluster.Status`.
public struct ClusterStatusResponse: ProtobufMessage {
  /// The nodes and their database.
  public var state: ClusterState

  public init(state: ClusterState) {
    self.state = state
  }
}

extension ClusterStatusResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ClusterStatusResponse>?) -> Void {
    progressor__v1__cluster_status_response__init
  }

  init(_ message: Progressor__V1__ClusterStatusResponse) throws(ProtobufError) {
    state = ClusterState(
      nodes: try ClusterNode.readAll(message.nodes, count: message.n_nodes, "nodes"),
      shards: message.shards, unownedShards: message.shards_unowned,
      database: try ClusterDatabase.require(message.database, "database"))
  }

  func fill(_ message: inout Progressor__V1__ClusterStatusResponse, in arena: inout ProtobufArena) {
    message.nodes = arena.makeAll(state.nodes)
    message.n_nodes = state.nodes.count
    message.shards = state.shards
    message.shards_unowned = state.unownedShards
    message.database = arena.make(state.database)
  }
}
