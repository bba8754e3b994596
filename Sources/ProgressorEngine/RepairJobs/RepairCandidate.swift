public import MachineModel

/// Where a machine stands in the order in which machines failed.
public struct RepairPosition: Sendable, Hashable {
  /// When it failed; the oldest failure comes first.
  public var failedAt: Timestamp
  /// Its shard; orders machines that failed at one time.
  public var shard: ShardID
  /// Its key within the shard; orders what is left equal.
  public var key: MachineKey

  public init(failedAt: Timestamp, shard: ShardID, key: MachineKey) {
    self.failedAt = failedAt
    self.shard = shard
    self.key = key
  }
}

/// A machine that a repair job has still to repair.
public struct RepairCandidate: Sendable, Hashable {
  /// Its place in the order of the job.
  public var position: RepairPosition
  /// Its name, for the repair.
  public var machine: MachineID

  public init(position: RepairPosition, machine: MachineID) {
    self.position = position
    self.machine = machine
  }
}

/// A page of a job's machines in the shards of this node, in the order in which they failed.
public struct RepairPage: Sendable, Hashable {
  /// In the order in which they failed.
  public var machines: [RepairCandidate]
  /// No machine comes after these.
  public var isLast: Bool
  /// The part of all shards that this node owns, above 0 to 1: its part of the job's rate.
  public var share: Double

  public init(machines: [RepairCandidate], isLast: Bool, share: Double) {
    self.machines = machines
    self.isLast = isLast
    self.share = share
  }
}

/// What the reply to a machine's repair means to the job that asked for it.
enum RepairOutcome: Hashable {
  /// The machine needs it no more.
  case done
  /// It was refused for now, by something that concerns other machines too.
  case again
  /// It was refused for now, by the machine's own state.
  case machineAgain
  /// The machine could not be repaired.
  case failed(RepairJobFailure)

  init(_ reply: Reply, of machine: MachineID, at time: Timestamp) {
    guard case .error(let error) = reply else {
      self = .done
      return
    }
    switch error.reason {
    case .machineAlreadyWorking, .machineNotFound, .namespaceNotFound: self = .done
    case .machinePaused: self = .machineAgain
    case .overloaded: self = .again
    default:
      switch error.code {
      case .unavailable, .deadlineExceeded, .cancelled: self = .again
      default:
        self = .failed(
          RepairJobFailure(
            machine: machine.id, code: error.code.rawValue, reason: error.reason.rawValue,
            message: error.message, at: time))
      }
    }
  }
}
