import MachineModel
import ProgressorProto

/// The state of a cluster, printed.
enum ClusterOutput {
  /// The nodes as a table, then what is to be said of all.
  ///
  /// - Parameters:
  ///   - now: By which leases are over or not; this machine's clock, as an operator's.
  ///   - width: The terminal's columns; nil = what reads it is none.
  static func lines(_ state: ClusterState, now: Timestamp, width: Int?) -> [TerminalText] {
    var table = TextTable(
      header: ["", "NODE", "ADDRESS", "SHARDS", "LEASE", "VERSION", "STARTED"], width: width)
    var lines = table.lines(state.nodes.map { row($0, now: now) })
    let (shards, unowned) = (state.shards, state.unownedShards)
    lines.append(
      unowned == 0
        ? "shards    \(shards), all owned by living nodes"
        : "shards    \(shards), \(unowned) of them owned by no living node")
    let database = state.database
    lines.append("database  PostgreSQL \(database.version), \(size(database.sizeBytes))")
    if database.oldestTransaction >= 1 {
      lines.append(
        "          its oldest transaction is open for \(duration(database.oldestTransaction))")
    }
    return lines
  }

  private static func row(_ node: ClusterNode, now: Timestamp) -> [TerminalText] {
    let rest = Double(node.leaseUntil.microseconds - now.microseconds) / 1e6
    let lease: TerminalText = rest > 0 ? "\(duration(rest))" : "over"
    return [
      node.isSelf ? "*" : "", "\(node.name)", node.address.isEmpty ? "-" : "\(node.address)",
      "\(node.shards)", lease, node.version.isEmpty ? "-" : "\(node.version)",
      "\(node.startedAt.rfc3339)",
    ]
  }

  /// The JSON form of `progressor.v1.ClusterStatusResponse`.
  static func json(_ state: ClusterState) -> JSONValue {
    let nodes = state.nodes.map { node in
      JSONValue.members([
        "id": .string(node.id), "name": .string(node.name), "address": .string(node.address),
        "version": .string(node.version), "startedAt": .string(node.startedAt.rfc3339),
        "leaseUntil": .string(node.leaseUntil.rfc3339), "shards": .int32(node.shards),
        "self": .bool(node.isSelf),
      ])
    }
    let open = state.database.oldestTransaction
    return .members([
      "nodes": .array(nodes), "shards": .int32(state.shards),
      "shardsUnowned": .int32(state.unownedShards),
      "database": .members([
        "version": .string(state.database.version),
        "sizeBytes": .int64(state.database.sizeBytes),
        "oldestTransactionSeconds": .number("\(open.isFinite ? open : 0)"),
      ]),
    ])
  }

  /// Bytes in the unit that leaves the fewest digits.
  static func size(_ bytes: Int64) -> String {
    if bytes <= 0 { return "size unknown" }
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20)] where bytes >= 1 << shift {
      return "\(tenths(Double(bytes) / Double(Int64(1) << shift))) \(unit)"
    }
    return "\(bytes >> 10) KiB"
  }

  /// Seconds as people say them.
  static func duration(_ seconds: Double) -> String {
    let whole = Int64(max(0, min(seconds, 1e15)).rounded())
    if whole < 120 { return "\(whole) s" }
    if whole < 7_200 { return "\(whole / 60) min" }
    return whole < 172_800 ? "\(whole / 3_600) h" : "\(whole / 86_400) d"
  }

  private static func tenths(_ number: Double) -> String {
    let tenths = Int64((number * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
