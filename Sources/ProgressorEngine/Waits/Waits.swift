import MachineModel

/// Get and Watch that are answered later: they wait for a commit, or for the end of their patience,
/// and are then an ordinary read.
extension Engine {
  /// The machine is not yet what the request waits for: it is answered when it is.
  mutating func wait(_ id: RequestID, _ machine: ResidentMachine, _ look: Look) {
    guard let pending = take(id) else { return assertionFailure("who begins to wait is a request") }
    assert(!pending.isCancelled, "nobody waits who went away")
    assert(ownership.holds(machine.shard), "whoever waits does so at the machine's owner")
    guard waits.count < configuration.maximumWaits else {
      counts.waitsRefused += 1
      let error = ProgressorError.overloaded("too many requests wait for a machine to change")
      return effects.append(.reply(id, .error(error)))
    }
    var request = pending.request
    // Nobody is handed it: it is not kept.
    request.context = CallerContext()
    request.machine = machine.id
    let end = look.end(from: now.uptime, deadline: request.deadline)
    waits.insert(request, look, in: machine.shard.id, until: end)
  }

  /// Answers those for whom a commit brought what they wait for, or time its end.
  mutating func answerWoken() {
    while let wait = waits.nextWoken() {
      let request = wait.request
      assert(requests[request.id] == nil, "who waits is no request meanwhile")
      if case .gone = wait.end {
        // Another may have its name when it is looked for.
        refuse(request, .machineNotFound(request.machine))
        continue
      }
      // The answer may have to be read, as any other.
      guard requests.places < configuration.maximumRequests else {
        counts.requestsRefused += 1
        refuse(request, .overloaded("the server has too many requests in flight"))
        continue
      }
      guard let namespace = namespaces[request.machine.namespace] else {
        refuse(request, .namespaceNotFound(request.machine.namespace))
        continue
      }
      guard let shard = ownership.shard(of: request.machine), ownership.isTrusted(at: now.uptime)
      else {
        refuse(request, .notOwnerUnseen)
        continue
      }
      let machine = machine(request.machine, shard, namespace)
      if case .again = wait.end {
        get(request, machine, wait.look)
      } else {
        get(request, machine, wait.look.now)
      }
    }
  }

  /// Ends the waits whose time is over, or all of them with the lease: another node may change
  /// their machines then.
  mutating func endWaits() {
    if waits.count == 0 { return }
    if !ownership.isTrusted(at: now.uptime) {
      for id in waits.takeAll() { effects.append(.reply(id, .error(.notOwnerUnseen))) }
    }
    waits.wakeEnded(at: now.uptime)
    answerWoken()
    assert(
      waits.wakeAt(trustedUntil: nil).map { $0 > now.uptime } ?? true,
      "nobody waits beyond its patience")
  }
}
