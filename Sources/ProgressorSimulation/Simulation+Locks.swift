import MachineModel
import ProgressorEngine

/// After all faults: a locked row delays its own machine, and nobody else for long.
extension Simulation {
  /// So long others wait at most, and what was locked once it is free.
  private static let longestDelay: Int64 = 5_000_000
  /// So long a writer asks for no locks after a question that took long in the phase of faults.
  private static let longestRest: Int64 = 45_000_000

  /// Somebody locks the rows of every other machine, and lets go of them; all are called at once.
  func passLockedRows() throws(Violation) {
    let names = storage.machines.keys.sorted()
    // As many as its namespace may have running steps, and they would keep all others from theirs.
    var room = namespaces.map { record in
      (record.namespace.limits.stepsInFlight ?? Limits.defaultStepsInFlight) - 1
    }
    for name in names.enumerated().filter({ $0.offset.isMultiple(of: 2) }).map(\.element) {
      guard let index = namespaceIndex(named: name.namespace), room[index] > 0 else { continue }
      room[index] -= 1
      rowLocks[name] = RowLock(until: .max, isOfMachine: true)
    }
    trace.line(at: agenda.now, node: nil, "\(rowLocks.count) rows are locked in the quiet")
    var calls: [MachineID: RequestID] = [:]
    for name in names {
      guard let node = node(for: name) else { continue }
      let tag = workload.newTag()
      let id = send(
        .call(args: Tag.bytes(tag), range: nil, key: nil), to: name, tag: tag,
        patience: 60_000_000, via: node)
      probes[id] = .some(nil)
      calls[name] = id
    }
    let others = calls.filter { rowLocks[$0.key] == nil }
    try answer(others, by: agenda.now + Simulation.longestDelay, "others' rows are locked")
    rowLocks = [:]
    let end = max(agenda.now, quietSince + Simulation.longestRest) + Simulation.longestDelay
    try answer(calls, by: end, "no row is locked any more")
    for id in calls.values { probes[id] = nil }
  }

  func isAwaited(_ id: RequestID) -> Bool {
    if case .some(nil) = probes[id] { true } else { false }
  }

  private func answer(
    _ calls: [MachineID: RequestID], by end: Int64, _ reason: String
  ) throws(Violation) {
    while agenda.now < end, calls.values.contains(where: { isAwaited($0) }) {
      try pass(microseconds: 50_000)
    }
    for (name, id) in calls.sorted(by: { $0.key < $1.key }) {
      switch probes[id] ?? nil {
      case .called?: continue
      // A small mailbox or lease, or no room for an answer that cannot be written.
      case .error(let error)?
      where [.overloaded, .notOwner, .storageUnavailable].contains(error.reason): continue
      case let reply:
        throw Violation(
          .everythingFinishes,
          "\(name): a call is answered \(reply.map { "\($0)" } ?? "by nothing") though \(reason)")
      }
    }
  }
}
