public import MachineModel
public import ProgressorEngine

/// How a namespace's machines fare, by their rows: no takeover or restart changes it.
public struct NamespaceCensus: Sendable, Hashable {
  /// Its name.
  public var name: String
  /// Its number; the order in which namespaces are shown.
  public var number: NamespaceNumber
  /// Machines that are failed. This and the next three are counted up to
  /// ``Storage/maximumCensusCount``.
  public var failed: Int64 = 0
  /// Machines whose timeout or notification is tried again later.
  public var retrying: Int64 = 0
  /// Machines that are paused one by one.
  public var paused: Int64 = 0
  /// Machines that are due for ten seconds or more.
  public var late: Int64 = 0
  /// Accepted notifications of the machines that were counted, and of those that are due.
  public var queuedNotifications: Int64 = 0
  /// Microseconds that the machine is due that is due for longest; 0 = none is.
  public var oldestDue: Int64 = 0

  public init(name: String, number: NamespaceNumber) {
    self.name = name
    self.number = number
  }
}

/// A machine that is due for a while, by its row.
public struct LateMachine: Sendable, Hashable {
  /// Of its namespace.
  public var namespace: NamespaceNumber
  /// Its name.
  public var machine: MachineID
  /// Since when it is due.
  public var due: Timestamp

  public init(namespace: NamespaceNumber, machine: MachineID, due: Timestamp) {
    self.namespace = namespace
    self.machine = machine
    self.due = due
  }
}
