import NIOCore
import Synchronization

/// The connections of a server, over all its event loops: counted, limited, and asked to end.
///
/// A connection counts from the moment when it is accepted. While its handshake is not done it
/// takes the place of nobody who is through: half of all places, and half of those of an address,
/// are for handshakes, and where there is no place, the one that lasts longest makes room for the
/// next. So whoever leaves handshakes half-way keeps nobody out.
final class ConnectionRegistry: Sendable {
  private typealias Key = ObjectIdentifier

  private struct Entry {
    let channel: any Channel
    let peer: String?
    /// nil while the handshake is not done.
    var connection: ServerConnection?
    var hasCertificate = false
    /// Among the handshakes of all, and of the address.
    var tickets: (all: WaitingLine<Key>.Ticket, ofPeer: WaitingLine<Key>.Ticket)?
  }

  private struct Peer {
    var count = 0
    var handshakes = WaitingLine<Key>()
  }

  private struct Connections {
    /// By their channels.
    var open: [Key: Entry] = [:]
    var peers: [String: Peer] = [:]
    var handshakes = WaitingLine<Key>()
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
    let (count, busiest, handshakes) = connections.withLock {
      ($0.open.count, $0.peers.values.lazy.map(\.count).max() ?? 0, $0.handshakes.count)
    }
    statistics.connections = count
    statistics.connectionsOfBusiestPeer = busiest
    statistics.maxConnections = maxTotal
    statistics.maxConnectionsPerPeer = maxPerPeer
    statistics.handshakes = handshakes
  }

  /// How many connections there are.
  var count: Int { connections.withLock { $0.open.count } }

  /// Takes a connection in until its channel closes; false when there are too many already.
  func open(_ connection: ServerConnection, on channel: any Channel) -> Bool {
    admit(channel, connection)
  }

  /// Takes a connection in whose handshake begins; false when there are too many already. It may be
  /// closed at any time to make room for another one.
  func beginHandshake(on channel: any Channel) -> Bool {
    admit(channel, nil)
  }

  private func admit(_ channel: any Channel, _ connection: ServerConnection?) -> Bool {
    let key = ObjectIdentifier(channel)
    let entry = Entry(
      channel: channel, peer: channel.remoteAddress?.ipAddress, connection: connection)
    var dropped: [any Channel] = []
    let isTaken = connections.withLock { connections in
      guard !connections.isShuttingDown else { return false }
      guard makeRoom(for: entry, &connections, &dropped) else { return false }
      insert(entry, key, &connections)
      return true
    }
    for channel in dropped { channel.close(promise: nil) }
    if isTaken { channel.closeFuture.whenComplete { _ in self.close(key) } }
    return isTaken
  }

  /// Has the handshakes end that are in the way; false when only connections are that are through.
  private func makeRoom(
    for entry: Entry, _ connections: inout Connections, _ dropped: inout [any Channel]
  ) -> Bool {
    let isHandshake = entry.connection == nil
    func drop(_ key: Key?) {
      guard let key, let other = remove(key, &connections) else { return }
      counters.handshakesDropped.wrappingAdd(1, ordering: .relaxed)
      dropped.append(other.channel)
    }
    if let peer = entry.peer {
      let line = connections.peers[peer]
      let isFull = line.map { $0.count >= maxPerPeer } ?? (maxPerPeer < 1)
      let isCrowded = isHandshake && (line?.handshakes.count ?? 0) >= max(1, maxPerPeer / 2)
      if isFull || isCrowded { drop(connections.peers[peer]?.handshakes.first()) }
      guard connections.peers[peer]?.count ?? 0 < maxPerPeer else {
        counters.connectionsRefusedPerPeer.wrappingAdd(1, ordering: .relaxed)
        return false
      }
    }
    let isCrowded = isHandshake && connections.handshakes.count >= max(1, maxTotal / 2)
    if connections.open.count >= maxTotal || isCrowded {
      // Who brings many makes room with their own: others' may be those who go on.
      let own = entry.peer.flatMap { connections.peers[$0]?.handshakes.first() }
      drop(own ?? connections.handshakes.first())
    }
    guard connections.open.count < maxTotal else {
      counters.connectionsRefused.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    return true
  }

  private func insert(_ entry: Entry, _ key: Key, _ connections: inout Connections) {
    var entry = entry
    let isHandshake = entry.connection == nil
    // Unix sockets' handshakes are those of an address, too.
    let peer = entry.peer ?? ""
    if entry.peer != nil { connections.peers[peer, default: Peer()].count += 1 }
    if isHandshake {
      entry.tickets = (
        connections.handshakes.append(key),
        connections.peers[peer, default: Peer()].handshakes.append(key)
      )
    }
    connections.open[key] = entry
  }

  /// The handshake is done; false when its place was given to another one, or the server ends.
  func endHandshake(
    _ connection: ServerConnection, on channel: any Channel, hasCertificate: Bool
  ) -> Bool {
    let key = ObjectIdentifier(channel)
    return connections.withLock { connections in
      guard !connections.isShuttingDown, var entry = connections.open[key] else { return false }
      leaveLines(&entry, &connections)
      entry.connection = connection
      entry.hasCertificate = hasCertificate
      connections.open[key] = entry
      return true
    }
  }

  private func close(_ key: Key) {
    _ = connections.withLock { remove(key, &$0) }
  }

  private func remove(_ key: Key, _ connections: inout Connections) -> Entry? {
    guard var entry = connections.open.removeValue(forKey: key) else { return nil }
    if let peer = entry.peer { connections.peers[peer]?.count -= 1 }
    leaveLines(&entry, &connections)
    forgetPeer(of: entry, &connections)
    return entry
  }

  private func leaveLines(_ entry: inout Entry, _ connections: inout Connections) {
    guard let tickets = entry.tickets.take() else { return }
    connections.handshakes.remove(tickets.all)
    connections.peers[entry.peer ?? ""]?.handshakes.remove(tickets.ofPeer)
    forgetPeer(of: entry, &connections)
  }

  private func forgetPeer(of entry: Entry, _ connections: inout Connections) {
    let peer = entry.peer ?? ""
    guard let known = connections.peers[peer], known.count == 0, known.handshakes.isEmpty else {
      return
    }
    connections.peers[peer] = nil
  }

  /// Asks every connection to end in order whose client is known by a certificate; no call is lost.
  func renewCertified() {
    let certified = connections.withLock { connections in
      connections.open.values.filter(\.hasCertificate)
    }
    for entry in certified {
      guard let connection = entry.connection else { continue }
      entry.channel.eventLoop.execute { connection.shutDown(grace: nil) }
    }
  }

  /// Asks every connection to end within `grace`, takes no new ones, and waits for the last.
  func shutDown(grace: TimeAmount?) async {
    let open = connections.withLock { connections in
      connections.isShuttingDown = true
      return Array(connections.open.values)
    }
    for entry in open {
      if let connection = entry.connection {
        entry.channel.eventLoop.execute { connection.shutDown(grace: grace) }
      } else {
        entry.channel.close(promise: nil)
      }
    }
    for entry in open { try? await entry.channel.closeFuture.get() }
  }
}
