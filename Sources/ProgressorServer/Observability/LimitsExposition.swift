import GRPC
import ProgressorEngine
import PrometheusMetrics

/// Every limit in the same three families, so that one rule watches all of them: what it is, what
/// is used of it, and what was refused for it.
struct LimitsExposition {
  private struct Limit {
    var labels: Exposition.Labels
    var maximum: Int
    var used: Int?
    var refused: UInt64?
  }

  private var ofServer: [Limit] = []
  private var ofNamespaces: [Limit] = []

  init(_ statistics: NodeStatistics, namespaces: [NamespaceStatistics]) {
    if let server = statistics.server { add(server) }
    if let imports = statistics.imports {
      add("import_size", imports.maximum, imports.used, imports.refused)
    }
    if let waits = statistics.waits {
      add("waits", waits.maximum, waits.used, waits.refused)
    }
    guard let engine = statistics.engine else { return }
    add(engine)
    for namespace in namespaces {
      add(namespace, free: engine.maximumRequests - engine.requests)
      add(namespace, freeHistoryBytes: engine.maximumHistoryBytes - engine.historyBytes)
    }
  }

  private mutating func add(_ server: ServerStatistics) {
    add("connections", server.maxConnections, server.connections, server.connectionsRefused)
    add(
      "connections_per_client", server.maxConnectionsPerPeer, server.connectionsOfBusiestPeer,
      server.connectionsRefusedPerPeer)
    add("streams", server.maxStreams, nil, server.streamsRefused)
    add("pending_size", server.maxRequestBytes, server.requestBytes, server.requestBytesRefused)
    add(
      "connection_pending_size", server.maxRequestBytesPerConnection, nil,
      server.requestBytesRefusedPerConnection)
    add("unread_size", server.maxUnreadBytes, server.unreadBytes, server.unreadBytesRefused)
    add(
      "connection_unread_size", server.maxUnreadBytesPerConnection, nil, server.responsesDropped)
    add("message_size", server.maxMessageSize, nil, server.messagesRefused)
  }

  private mutating func add(_ engine: EngineStatistics) {
    add(
      "requests", engine.maximumRequests, engine.requests,
      Int(clamping: engine.counts.requestsRefused + engine.refusedBeforehand))
    add("resident_size", engine.maximumResidentBytes, engine.residentBytes, nil)
    add("history_size", engine.maximumHistoryBytes, engine.historyBytes, nil)
  }

  private mutating func add(_ name: String, _ maximum: Int, _ used: Int?, _ refused: Int?) {
    ofServer.append(
      Limit(
        labels: [("limit", name)], maximum: maximum, used: used,
        refused: refused.map { UInt64(clamping: $0) }))
  }

  private mutating func add(_ namespace: NamespaceStatistics, free: Int) {
    func refused(_ refusal: NamespaceCounts.Refusal) -> UInt64 {
      namespace.counts.refusals[refusal.rawValue]
    }
    func add(_ name: String, _ maximum: Int, _ used: Int, _ refused: UInt64?) {
      ofNamespaces.append(
        Limit(
          labels: [("namespace", namespace.name), ("limit", name)], maximum: maximum, used: used,
          refused: refused))
    }
    add("requests", free, namespace.requests, refused(.requests))
    add("mailbox", namespace.maximumMailbox, namespace.longestMailbox, refused(.mailbox))
    add(
      "notifications", namespace.maximumNotifications, namespace.longestQueue,
      refused(.notifications))
    add("steps_in_flight", namespace.maximumStepsInFlight, namespace.stepsInFlight, nil)
    add("max_in_flight", namespace.maximumCallsInFlight, namespace.callsInFlight, nil)
  }

  /// As with requests, a namespace has no more than it leaves free.
  private mutating func add(_ namespace: NamespaceStatistics, freeHistoryBytes: Int) {
    ofNamespaces.append(
      Limit(
        labels: [("namespace", namespace.name), ("limit", "history_size")],
        maximum: max(0, freeHistoryBytes), used: namespace.historyBytes, refused: nil))
  }

  func write(to exposition: inout Exposition) {
    write(ofServer, "progressor_limit", "of the server", to: &exposition)
    write(ofNamespaces, "progressor_namespace_limit", "of a namespace", to: &exposition)
  }

  private func write(
    _ limits: [Limit], _ name: String, _ whose: String, to exposition: inout Exposition
  ) {
    exposition.family(name, .gauge, "A limit \(whose).")
    for limit in limits { exposition.sample(limit.maximum, limit.labels) }
    exposition.family(
      "\(name)_used", .gauge,
      "What is used of a limit \(whose); of limits per client or machine, by the busiest one.")
    for limit in limits { if let used = limit.used { exposition.sample(used, limit.labels) } }
    exposition.family("\(name)_refusals_total", .counter, "What was refused for a limit \(whose).")
    for limit in limits {
      if let refused = limit.refused { exposition.sample(refused, limit.labels) }
    }
  }
}
