public import MachineModel

/// A machine whose rows are there and cannot be read: it fails with the cause, alone, and
/// everything of it stays as it is. Once the rows are mended it can be repaired like any other.
extension Engine {
  /// A machine in nobody's hands was read since it became due.
  mutating func wakeLoaded(_ machine: ResidentMachine, _ result: Result<Loaded, ReadFailure>) {
    switch result {
    case .failure: rearm(machine, after: pause(after: result, machine))
    case .success(let loaded) where loaded.damage != nil:
      guard !machine.timeoutQueued else { return }
      guard loaded.row?.failure == nil else { return schedule.leave(machine) }
      // The step meets the damage in its turn, behind what runs or waits.
      machine.queue(.timeout)
    case .success:
      assert(!machine.isUnknown, "what was read is known")
      becomeDue(machine)
    }
  }

  /// What a step needs cannot be read.
  mutating func stepMeetsDamage(_ machine: ResidentMachine, _ loaded: Loaded) {
    guard let step = machine.running, let row = machine.row ?? loaded.row else {
      return abandon(machine, .damaged(loaded.damage), pause: nextDamagePause(machine))
    }
    assert(!step.hasBegun, "what a step needs is read before its call")
    let damage = loaded.damage ?? "unknown"
    perform(step.operation.meetDamage(damage, of: row, StepView(machine, now: now)), machine)
  }
}

/// Machines that cannot be read, nor their failure be written: nothing is to be done but to look
/// again whether somebody mended them, more and more seldom.
struct DamagePauses {
  /// The longest pause in microseconds. At once for machines for which there is no room here.
  static let longest: Int64 = 60_000_000
  private static let room = 1_000

  /// The last pause of each.
  private var pauses: [MachineID: Int64] = [:]

  mutating func next(_ machine: MachineID) -> Int64 {
    let last = pauses[machine] ?? Engine.shortPause / 2
    guard pauses[machine] != nil || pauses.count < Self.room else { return Self.longest }
    let pause = min(2 * last, Self.longest)
    pauses[machine] = pause
    assert(pauses.count <= Self.room && pause > 0, "no more are remembered than have room")
    return pause
  }

  /// Something of the machine was written.
  mutating func forget(_ machine: MachineID) {
    if !pauses.isEmpty { pauses[machine] = nil }
  }

  /// They are another node's.
  mutating func forget(where condition: (MachineID) -> Bool) {
    pauses = pauses.filter { !condition($0.key) }
  }
}

extension Engine {
  mutating func nextDamagePause(_ machine: ResidentMachine) -> Int64 {
    damagePauses.next(machine.id)
  }

  /// Before the machine is looked at again of which nothing was read.
  mutating func pause(after result: Result<Loaded, ReadFailure>, _ machine: ResidentMachine)
    -> Int64
  {
    guard case .failure(.unreadable) = result else { return Engine.shortPause }
    return nextDamagePause(machine)
  }
}

extension ProgressorError {
  /// Of a machine whose rows cannot be read.
  public static func damaged(_ why: String?) -> ProgressorError {
    ProgressorError(
      .internal, .dataDamaged, "the machine's rows cannot be read: \(why ?? "unknown")")
  }
}
