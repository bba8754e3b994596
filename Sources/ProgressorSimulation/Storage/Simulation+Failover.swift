import MachineModel
import ProgressorEngine

/// What a standby knows that lags behind.
struct Standby {
  var storage: SimulatedStorage
  var ledger: Ledger.Durable
}

/// A database that goes back in time: a standby that lagged behind is promoted. What was
/// acknowledged since is lost; nothing may be built on it.
extension Simulation {
  /// From now on the standby receives nothing.
  func lag() {
    guard standby == nil else { return }
    standby = Standby(storage: storage, ledger: ledger.durable)
    agenda.plan(.failover, after: random.duration(upTo: world.longPause))
  }

  func failOver() {
    guard let standby, !isQuiet else { return }
    self.standby = nil
    trace.line(at: agenda.now, node: nil, "the database goes back in time")
    for number in transmissions.keys.sorted() { endSession(number) }
    let later = storage
    storage = standby.storage
    storage.generation = later.generation + 1
    storage.leases.continued(after: later.leases)
    ledger.goBack(to: standby.ledger)
    storageOutageUntil = agenda.now + random.within(100...5_000)
  }

  /// Every new session compares the database with the one that was known: all of the memory is
  /// about another one. True when the node lost its lease by it.
  func noticesAnotherDatabase(_ node: SimulatedNode) -> Bool {
    guard node.generation != storage.generation else { return false }
    if node.frozenUntil > agenda.now { return true }
    node.generation = storage.generation
    guard isOn(.timelineCheck), let identity = node.identity else { return false }
    leaseGone(node, identity)
    return true
  }
}
