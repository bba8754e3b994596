import NIOCore
import Synchronization

/// The connections of a server, over all its event loops: counted, limited, and asked to end.
final class ConnectionRegistry: Sendable {
  private struct Connections {
    var open: [ObjectIdentifier: (connection: ServerConnection, channel: any Channel)] = [:]
    var perPeer: [String: Int] = [:]
    var isShuttingDown = false
  }

  private let maxTotal: Int
  private let maxPerPeer: Int
  private let connections = Mutex(Connections())

  private let counters: ServerCounters

  init(maxTotal: Int, maxPerPeer: Int, counters: ServerCounters) {
    self.maxTotal = maxTotal
    self.maxPerPeer = maxPerPeer
    self.counters = counters
  }

  /// Fills in what concerns connections.
  func describe(_ statistics: inout ServerStatistics) {
    let (count, busiest) = connections.withLock {
      ($0.open.count, $0.perPeer.values.max() ?? 0)
    }
    statistics.connections = count
    statistics.connectionsOfBusiestPeer = busiest
    statistics.maxConnections = maxTotal
    statistics.maxConnectionsPerPeer = maxPerPeer
  }

  /// How many connections there are.
  var count: Int { connections.withLock { $0.open.count } }

  /// Takes a connection in until its channel closes; false when there are too many already.
  func open(_ connection: ServerConnection, on channel: any Channel) -> Bool {
    let peer = channel.remoteAddress?.ipAddress
    let key = ObjectIdentifier(connection)
    let isTaken = connections.withLock { connections in
      guard !connections.isShuttingDown else { return false }
      guard connections.open.count < maxTotal else {
        counters.connectionsRefused.wrappingAdd(1, ordering: .relaxed)
        return false
      }
      if let peer {
        guard connections.perPeer[peer, default: 0] < maxPerPeer else {
          counters.connectionsRefusedPerPeer.wrappingAdd(1, ordering: .relaxed)
          return false
        }
        connections.perPeer[peer, default: 0] += 1
      }
      connections.open[key] = (connection, channel)
      return true
    }
    if isTaken { channel.closeFuture.whenComplete { _ in self.close(key, peer) } }
    return isTaken
  }

  private func close(_ key: ObjectIdentifier, _ peer: String?) {
    connections.withLock { connections in
      connections.open[key] = nil
      guard let peer, let count = connections.perPeer[peer] else { return }
      connections.perPeer[peer] = count > 1 ? count - 1 : nil
    }
  }

  /// Asks every connection to end within `grace`, takes no new ones, and waits for the last.
  func shutDown(grace: TimeAmount?) async {
    let open = connections.withLock { connections in
      connections.isShuttingDown = true
      return Array(connections.open.values)
    }
    for (connection, channel) in open {
      channel.eventLoop.execute { connection.shutDown(grace: grace) }
    }
    for (_, channel) in open { try? await channel.closeFuture.get() }
  }
}
